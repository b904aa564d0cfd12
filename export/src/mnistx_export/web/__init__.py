"""A model as one page: its C compiled to WebAssembly, and put into HTML with the scripts and styles that lie here."""
