"""Staff rooms: chats in which staff are told of drafts and act on them, without any personal data (INV-6)."""
