"""What the commands do. `bot.cli` names them and loads only the one that is called, so that each starts quickly."""
