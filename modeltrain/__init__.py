"""Training, auditing and judging an image classifier. Plain Python: no Django, no Celery."""
