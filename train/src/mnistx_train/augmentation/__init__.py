"""What training images are changed by before they are learned from: transforms, and handwriting drawn anew."""
