"""How everything looks: colours, style sheets, icons, text size."""
