"""What the pages and the API share: call a service, enqueue what follows, wait for an answer."""
