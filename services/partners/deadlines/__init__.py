"""What falls due with a caisse's partners: listed, shown in a calendar, reminded of."""
