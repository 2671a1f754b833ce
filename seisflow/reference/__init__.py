"""What is written from the declarations of options: the page of all of them, and typed stubs."""
