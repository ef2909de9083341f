"""What `doctor` looks at on this machine; servers and client programs are the engine's business."""
