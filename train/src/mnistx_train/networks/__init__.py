"""The networks that are trained: mnistx's own, and one in a user's own file."""
