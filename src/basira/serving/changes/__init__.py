"""What officers and the clearance system change of a recorded decision."""
