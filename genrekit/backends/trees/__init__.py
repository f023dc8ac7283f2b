"""XGBoost's trees as files and as graphs."""
