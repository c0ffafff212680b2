"""Worksheets: Markdown with `matdiff` blocks, from which sheets, solutions and marks are made.

A block is a problem.  A line is `key: value`; indented lines go on with the value, `#` starts a comment line:

    ```matdiff
    title: Least squares
    points: 3
    let: A: m×n; b: m
    f: norm(A*x - b)^2/2
    wrt: x
    ask: gradient
    form: A'*(A*x - b)
    hint: Write the square as an inner product.
    ```

=========  ==========================================================================================
f          the function, a program of the language (needed)
wrt        the variable (needed)
ask        gradient, jacobian, hessian or differential; by default gradient or jacobian, as fits f
let        declarations; may be repeated
inner      the W of a weighted inner product ⟨x,y⟩ = xᵀWy, for which the gradient is meant
metric     of an spd variable: euclidean, or affine for tr(S⁻¹ U S⁻¹ V)
title      a heading
points     a number, 1 by default; `4 = result 2 + steps 2` gives a right result its part after a wrong line, and
           the lines that follow from the one above, even from a wrong one, theirs
form       how the solution writes the answer; it is checked that it equals what is derived
hint       a hint of the author's, before those from the derivation; may be repeated
hints      how many steps of the derivation are given as hints: each first by its rule, then by its line
space      lines of room to answer in
choose     `M in [A, B, C]` or `(M, k) in [(A, 2), (B, 3)]`: words of the block that `--seed` chooses; may be
           repeated.  Without a seed it is the first.  `{{M}}` in the text around is replaced too
=========  ==========================================================================================

An answer stands in a fenced block `answer 1`, or in a notebook in a cell under `%%matdiff answer 1`.  It is what is
called by the name of what is asked for, else its last formula; before it there may be definitions and a derivation,
every line of which has to follow.  Plain text and LaTeX may be mixed, and words around the formulas are passed over:

    ```answer 1
    r = A*x - b
    df = r'*dr
       = r'*A*dx
    gradient = A'*r
    ```
"""
