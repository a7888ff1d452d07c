"""Tells the story across the stages: intake, worker, recovery, outbox. The only room that knows more than one stage."""
