"""From any expression to its normal form, and on to the shortest form that a person would write."""
