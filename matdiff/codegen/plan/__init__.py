"""Which operations compute an expression best: order of products, sharing, stability."""
