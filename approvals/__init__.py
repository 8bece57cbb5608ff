"""How people decide: queues, approvals, decisions, and the pages they are made on."""
