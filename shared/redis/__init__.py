"""Redis: connections, Lua scripts, leader election."""
