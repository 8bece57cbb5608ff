"""The pages: each view loads, asks the model, draws."""
