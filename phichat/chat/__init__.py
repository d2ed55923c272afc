"""What a conversation is: messages, sampling settings, prompts. Pure, without I/O."""
