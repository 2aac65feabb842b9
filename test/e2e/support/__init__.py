"""What the end-to-end tests share: the router, real clients and servers, raw ones, hellos."""
