"""Pictures answered on the machines of a Ray cluster; Ray is imported when a command asks for it."""
