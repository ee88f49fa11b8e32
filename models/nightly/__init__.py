"""The base that is trained each night: trees on matured examples, as ONNX, whose logit the online learner may use."""
