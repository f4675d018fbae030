"""Kinds of media files, each made by a recipe of a few words."""
