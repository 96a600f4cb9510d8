"""How many images a figure needs before anything is concluded from it.

A module of its own without imports, so that pages can name the number without loading statistics.
"""

MINIMUM_IMAGES = 30
