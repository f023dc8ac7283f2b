#!/usr/bin/env bash
# Both network backends on one GPU, in more than 5 minutes: training, CUDA against the CPU, mixed precision, --resume,
# throughput against a bare loop, and utilisation. Without a GPU it says so and leaves with status 0.
#
#     bash benchmarks/gpu.sh          # on CUDA
#     bash benchmarks/gpu.sh cpu      # the same steps on little data, to test this script where there is no GPU
#
# The data are made up: spectrograms and pictures whose labels are easy to learn.
set -euo pipefail
device=${1:-cuda}
here=$(cd "$(dirname "$0")" && pwd)

if [ "$device" = cuda ] && ! python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "There is no CUDA GPU here (torch.cuda.is_available() is false); nothing was measured."
    exit 0
fi
case $device in
cuda) songs=3000 covers=3000 epochs=6 size=160 repeats=3 ;;
cpu) songs=60 covers=40 epochs=2 size=40 repeats=1 ;;
*) echo "The device is '$device'; give cuda or cpu." >&2; exit 2 ;;
esac
python -c 'import torch; print("PyTorch", torch.__version__); torch.cuda.is_available() and print(torch.cuda.get_device_name())'

work=$(mktemp -d)
watcher=
cleanup() {
    if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
started=$SECONDS

step() { echo; echo "== $1 ($((SECONDS - started)) s so far)"; }

watch_gpu() { # utilisation in % and memory in MiB, twice per second
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 500 >"$1" &
        watcher=$!
    fi
}

stop_watching() {
    if [ -n "$watcher" ]; then
        kill "$watcher" 2>/dev/null || true
        wait "$watcher" 2>/dev/null || true
        watcher=
        sort -t, -n -k1 "$1" | awk -F, 'NF > 1 { u[n++] = $1; if ($2 > m) m = $2 }
            END { if (n) printf "utilisation: median %d %%, largest %d %%; memory: up to %d MiB\n", u[int(n / 2)], u[n - 1], m }'
    fi
}

losses() { # the last losses of the epochs of a run
    python - "$@" <<'PY'
import json, sys
for name in sys.argv[1:]:
    with open(f"{name}.run/history.json") as file:
        epochs = json.load(file)["train"][0]  # of the first network
    last = epochs[-1]
    words = ", ".join(f"{key} {value:.4f}" for key, value in last.items() if key != "epoch")
    print(f"{name}: {len(epochs)} epochs; {words}")
PY
}

train() { # NAME BACKEND DATA [settings]
    local name=$1 backend=$2 data=$3
    shift 3
    local begin=$SECONDS
    genrekit train --backend "$backend" --data "$data" --overwrite -o "$name.genrekit" --set "epochs=$epochs" "$@" 2>"$name.log" >&2 ||
        { tail -20 "$name.log" >&2; return 1; }
    echo "$name: trained, measured and saved in $((SECONDS - begin)) s"
}

step "data: $songs spectrograms, $covers pictures"
python - "$songs" "$covers" <<'PY'
import sys
from pathlib import Path
import numpy as np
from PIL import Image
n_songs, n_covers = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
labels = ("high", "low", "middle", "wide")
mel = rng.integers(0, 120, (n_songs, 128, 334), dtype=np.uint8)
for i in range(n_songs):
    k = i % 4
    mel[i, 30 * k : 30 * k + 12] += np.uint8(60)
np.savez("songs.npz", mel=mel, names=[f"{labels[i % 4]}/{i:05}" for i in range(n_songs)])
for i in range(n_covers):
    pixels = rng.integers(0, 150, (160, 160, 3), dtype=np.uint8)
    pixels[40 * (i % 4) : 40 * (i % 4) + 40] += np.uint8(80)
    path = Path("covers", labels[i % 4], f"{i:05}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
PY

step "training of spectrogram, in mixed precision and in 32 bits"
plain=(--set arch=plain --device "$device")
watch_gpu watch
train mixed spectrogram songs.npz "${plain[@]}" --set precision=auto
stop_watching watch
train full spectrogram songs.npz "${plain[@]}" --set precision=32
train recurrent spectrogram songs.npz --set arch=crnn --device "$device" --set precision=auto
losses mixed full recurrent

step "training of image"
watch_gpu watch
train covers image covers --set arch=resnet18 --set weights=none --set head_epochs=0 --set "image_size=$size" --device "$device"
stop_watching watch
losses covers

step "--resume after an interruption"
set -m # without job control bash starts programs in the background with SIGINT ignored
genrekit train --backend spectrogram --data songs.npz --overwrite -o again.genrekit --set "epochs=$epochs" "${plain[@]}" --set precision=32 \
    >again.log 2>&1 &
training=$!
set +m
until [ -n "$(find . -path './again.run/*' -name '*.ckpt*' -print -quit 2>/dev/null)" ] || ! kill -0 "$training" 2>/dev/null; do sleep 0.2; done
kill -INT "$training" 2>/dev/null || true
status=0
wait "$training" || status=$?
echo "interrupted with status $status"
genrekit train --backend spectrogram --data songs.npz --overwrite -o again.genrekit --set "epochs=$epochs" "${plain[@]}" --set precision=32 \
    $([ "$status" = 0 ] || echo --resume) >>again.log 2>&1 || { tail -20 again.log >&2; exit 1; }
losses full again

step "scores on $device against those on the CPU, and in 16 bits"
python - "$device" <<'PY'
import sys
import numpy as np
import torch
from genrekit.backends import make_config, registry
from genrekit.backends.neural.native import restore
from genrekit.backends.spectrogram.recipe import SpectrogramRecipe
from genrekit.models import load

bundle = load("full.genrekit")
config = make_config(registry.get("spectrogram"), bundle.manifest.config)
recipe = SpectrogramRecipe(config, len(bundle.manifest.labels))
scorer = restore(bundle.files, recipe.bare_network, multilabel=False).eval()
windows = torch.from_numpy(np.random.default_rng(1).uniform(-40, 0, (64, 128, config.n_frames)).astype(np.float32))
device = torch.device(sys.argv[1])
with torch.inference_mode():
    cpu = scorer(windows)
    scorer, windows = scorer.to(device), windows.to(device)
    other = scorer(windows).cpu()
    with torch.autocast(device.type, torch.bfloat16):
        half = scorer(windows).float().cpu()
difference, of_half = (cpu - other).abs().max().item(), (cpu - half).abs().max().item()
print(f"largest difference of a score: {difference:.1e} in 32 bits, {of_half:.1e} in bfloat16")
sys.exit(f"more than 1e-3 between {device} and the CPU" if difference > 1e-3 else 0)
PY

step "throughput against a bare loop"
watch_gpu watch
python "$here/training.py" --examples "$songs" --repeats "$repeats" --set arch=plain --set "device=$device" --set batch_size=32
stop_watching watch

echo
echo "$((SECONDS - started)) s in all"
