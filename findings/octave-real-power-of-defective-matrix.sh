#!/usr/bin/env bash
# Octave 7.3.0 (Debian 12): A^p for a square matrix A with too few eigenvectors and a p that is no whole number.
#
# Behaviour seen: [4 1; 0 4]^0.5 is [2 0; 0 2], whose square is not A: what is off the diagonal is lost.  The power is
# computed by an eigenvalue expansion, as the manual says, for which there are not enough eigenvectors here; neither the
# manual nor a warning says so, though the matrix of eigenvectors is singular to working precision.  sqrtm(A) and expm(p*logm(A)) are right, and so are SciPy's
# fractional_matrix_power and Julia's A^p, which take the Schur form.  The same holds of [4 1; 0 4]^1.5 and [1 1; 0 1]^0.5.
#
# Who meets it: derivatives of matrix powers by the corner of [A V; 0 A]^p, a matrix that always lacks eigenvectors.
# This script fails if that changes.
set -euo pipefail
if ! command -v octave-cli >/dev/null; then
  apt-get update -q >/dev/null
  apt-get install -y -q --no-install-recommends "octave=7.3.0-2" >/dev/null
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/power.m" <<'M'
1;
printf("Octave %s\n", version());
function r = residual(A, p, B)
  % how far exp(log(A)*p) is from B
  r = max(max(abs(B - expm(p * logm(A)))));
end
A = [4 1; 0 4];
lost = A ^ 0.5;
printf("A^0.5 = [%g %g; %g %g], off by %.1e from sqrtm(A); A^0.5*A^0.5 - A: %.1e\n", lost', ...
       max(max(abs(lost - sqrtm(A)))), max(max(abs(lost * lost - A))));
printf("A^1.5 off by %.1e, [1 1; 0 1]^0.5 off by %.1e from expm(p*logm(A))\n", ...
       residual(A, 1.5, A ^ 1.5), residual([1 1; 0 1], 0.5, [1 1; 0 1] ^ 0.5));
assert(strcmp(version(), "7.3.0"));
assert(max(max(abs(sqrtm(A) ^ 2 - A))) < 1e-12);
assert(max(max(abs(expm(0.5 * logm(A)) - sqrtm(A)))) < 1e-12);
assert(max(max(abs(lost * lost - A))) > 0.5, "the root squares to the matrix now");
assert(residual(A, 1.5, A ^ 1.5) > 0.5 && residual([1 1; 0 1], 0.5, [1 1; 0 1] ^ 0.5) > 0.1);
M
octave-cli --norc --quiet "$folder/power.m"
