"""What a trained network answers, how good the answers are, and how sure they should be."""
