"""Figures arranged for reading: what pages, charts and cards print."""
