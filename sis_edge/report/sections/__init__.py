"""What a report says about one run, before any format: verdict, findings, facts and commands as plain text."""
