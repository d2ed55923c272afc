"""The desktop around the window: application, notifications, single instance."""
