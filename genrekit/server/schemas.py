"""Descriptions in ``/openapi.json`` of bodies and responses that FastAPI does not build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genrekit.features import SPOTIFY_COLUMNS
from genrekit.server.params import SimilarParams, query_schema
from genrekit.server.problems import MEDIA_TYPE
from genrekit.server.responses import MODELS

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemModel"}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of responses that are problems, and of the one that has no body."""
    described = (400, 401, 403, 404, 405, 408, 413, 429, 503, *statuses)
    return {
        **{status: {"description": "A problem.", **_PROBLEM} for status in sorted(set(described))},
        431: {"description": "The address and the headers have more than 64 KiB."},
    }


def _ref(*names: str) -> dict[str, Any]:
    """Return the schema of an object, or of one of several."""
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}


def described(description: str, *names: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of a successful response with one of several objects."""
    return {200: {"description": description, "content": {"application/json": _ref(*names)}}}


_NUMBERS = {"type": "array", "items": {"type": "number"}}
INPUT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                "required": ["files"],
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "features": {"anyOf": [_NUMBERS, {"type": "array", "items": _NUMBERS}]},
                    "rows": {"type": "array", "items": {"type": "object"}},
                },
            },
            "examples": {
                "57 numbers": {"value": {"features": [0.5] * 57}},
                "a row by column": {
                    "value": {"rows": [dict.fromkeys(SPOTIFY_COLUMNS, 0.5) | {"track": "example"}]}
                },
            },
        },
        **{
            name: {"schema": {"type": "string", "format": "binary"}}
            for name in (
                "audio/*",
                "image/*",
                "text/csv",
                "application/vnd.apache.parquet",
                "application/octet-stream",
            )
        },
    },
}

PREDICT: dict[str, Any] = {
    "responses": {
        200: {
            "description": "Something could be predicted.",
            "content": {
                "application/json": _ref("Results"),
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **problems(406, 415, 422, 504),
    },
    "openapi_extra": {"parameters": query_schema(), "requestBody": INPUT_BODY},
}

EXPLAIN: dict[str, Any] = {
    "responses": {
        200: {
            "description": "Why.",
            "content": {
                "application/json": _ref("Explanation", "Explanations"),
                "image/png": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(406, 415, 422, 504),
    },
    "openapi_extra": {"parameters": query_schema(), "requestBody": INPUT_BODY},
}

EMBED: dict[str, Any] = {
    "responses": {
        **described("Embeddings.", "Embeddings"),
        **problems(415, 422, 504),
    },
    "openapi_extra": {"parameters": query_schema(), "requestBody": INPUT_BODY},
}

SIMILAR: dict[str, Any] = {
    "responses": {
        **described("What is most similar, best first.", "SimilarRows"),
        **problems(406, 415, 422, 501, 504),
    },
    "openapi_extra": {
        "parameters": query_schema(SimilarParams),
        "requestBody": {**INPUT_BODY, "required": False},
    },
}

FEEDBACK: dict[str, Any] = {
    "responses": {
        201: {"description": "It is noted.", "content": {"application/json": _ref("FeedbackReceipt")}},
        **problems(422, 501),
    },
    "openapi_extra": {
        "requestBody": {"required": True, "content": {"application/json": _ref("FeedbackBody")}}
    },
}

DELETE_UPLOAD: dict[str, Any] = {
    "responses": {
        202: {
            "description": "The store is away; it is deleted when the store is back.",
            "content": {"application/json": _ref("Deletion")},
        },
        204: {"description": "It is deleted."},
        **problems(501),
    },
}

_TENSOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "datatype": {"type": "string"},
        "data": {"type": "array"},
    },
    "required": ["name", "shape", "datatype", "data"],
}

INFER: dict[str, Any] = {
    "responses": {**described("Outputs.", "Inference"), **problems(422)},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "id": {"type": "string"},
                            "inputs": {"type": "array", "items": _TENSOR, "minItems": 1, "maxItems": 1},
                            "outputs": {"type": "array", "items": {"type": "object"}},
                        },
                        "required": ["inputs"],
                    },
                    "example": {
                        "inputs": [
                            {"name": "windows", "shape": [1, 57], "datatype": "FP32", "data": [0.5] * 57}
                        ]
                    },
                }
            },
        }
    },
}


def add_schemas(document: dict[str, Any], names: Sequence[str]) -> None:
    """Add the schemas that responses refer to, names of models as examples, and the ways to send a key."""
    for path, methods in document["paths"].items():
        for parameter in (one for method in methods.values() for one in method.get("parameters", ())):
            if parameter["name"] == "name" and "/models/" in path:
                parameter["examples"] = {name: {"value": name} for name in names}
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in MODELS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    components["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    document["security"] = [{"key": []}, {"bearer": []}, {}]
