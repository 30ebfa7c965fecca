"""What a caller may ask for, whichever lane it came by: two lanes cannot grow two behaviours."""
