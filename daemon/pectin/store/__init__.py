"""The durable state: one SQLite file. SQL lives here only; everything goes in and out as the values of model/."""
