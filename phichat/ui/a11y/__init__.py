"""Accessibility: announcements to screen readers, and keyboard focus."""
