"""How the bundled lip networks are learned (tools/train_lip_networks.py)."""
