"""The look: colours, style sheets, icons, text size, reduced motion."""
