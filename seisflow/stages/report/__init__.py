"""Figures and the page of a campaign; the only room that draws."""
