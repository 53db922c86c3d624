"""Alert rules, alerts and how people are told of them. Below monitoring: it judges what it is handed."""
