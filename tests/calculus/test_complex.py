"""Derivatives by complex variables: against PyTorch's and JAX's autodiff, and by differences."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from complex_cases import CASES

import matdiff as md
from matdiff.ops.complexes import SELFADJOINT, is_real
from matdiff.verify import complexes


def _ids() -> list[str]:
    return [f"{text} by {wrt}" for text, _, wrt, _ in CASES]


def _derivation(case: Any) -> Any:
    text, declare, wrt, _ = case
    return md.derive(text, wrt=wrt, declare=declare)


def _point(d: Any) -> dict[Any, Any]:
    return next(complexes.points(d, 7, None))


def _gradients(d: Any, at: dict[Any, Any]) -> dict[str, Any]:
    found = d.value_and_grad(**{v.name: a for v, a in at.items()})[1]
    return found if d.several else {d.wrt[0].name: found}


def _inside(X: Any, G: Any, at: Any) -> Any:
    """An autodiff gradient brought into the set of the variable, for Re tr(AᴴB)."""
    words = X.attributes
    if words & SELFADJOINT:
        return (G + G.conj().T) / 2
    if "unitary" in words:
        return (G - at @ G.conj().T @ at) / 2
    return G if is_real(X) and not words - {"positive"} else complexes.in_set(X, G)


# PyTorch checks all of them.


@pytest.mark.share(4)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} by {case[2]}")
def test_differences(case: Any) -> None:
    found = _derivation(case).verify()
    assert found.passed, str(found)


class Torch:
    def __init__(self) -> None:
        import torch

        self.t = torch
        self.conj, self.abs, self.sum = torch.conj, torch.abs, torch.sum
        self.exp, self.log, self.sqrt, self.sin, self.tanh = torch.exp, torch.log, torch.sqrt, torch.sin, torch.tanh
        self.inv, self.det, self.expm = torch.linalg.inv, torch.linalg.det, torch.linalg.matrix_exp
        self.eigvalsh, self.svdvals, self.tr, self.diag = (
            torch.linalg.eigvalsh,
            torch.linalg.svdvals,
            torch.trace,
            torch.diagonal,
        )
        self.tril, self.relu, self.kron = torch.tril, torch.relu, torch.kron

    def re(self, x: Any) -> Any:
        return self.t.real(x)

    def im(self, x: Any) -> Any:
        return self.t.imag(x)

    def H(self, x: Any) -> Any:
        return self.t.conj(x).T if x.ndim == 2 else self.t.conj(x)

    def sq(self, x: Any) -> Any:
        return self.t.sum(self.t.abs(x) ** 2)

    def norm(self, x: Any) -> Any:
        return self.t.sqrt(self.sq(x))

    def logdet(self, x: Any) -> Any:
        return self.t.linalg.slogdet(x)[1]

    def eye(self, x: Any) -> Any:
        return self.t.eye(x.shape[0], dtype=x.dtype)

    def hfun(self, name: str, H: Any) -> Any:
        w, Q = self.t.linalg.eigh(H)
        return (Q * getattr(self.t, name)(w)[None, :]) @ self.H(Q)


EVERYWHERE = np.diag([1.0, 1.0, 2.0]).astype(complex)


@pytest.mark.parametrize(
    ("text", "declare", "at"),
    [
        ("lambda_min(S)", "S: 3×3 hermitian", EVERYWHERE),
        ("lambda_max(S)", "S: 3×3 hermitian", 0 * EVERYWHERE),
        ("eigval(S, i)", "S: 3×3 hermitian; i: index", EVERYWHERE),
        ("eigvals(S)[1] + 2*eigvals(S)[2]", "S: 3×3 hermitian", EVERYWHERE),
        ("re(sum(eigproj(S, 2)))", "S: 3×3 hermitian", EVERYWHERE),
        ("cond2(S)", "S: 3×3 complex", EVERYWHERE),
        ("sum(svdvals(S))", "S: 3×3 complex", np.ones((3, 3), complex)),
        ("nuclear(S)", "S: 3×3 complex", np.ones((3, 3), complex)),
        ("norm(pinv(S))^2", "S: 3×3 complex", np.ones((3, 3), complex)),
    ],
)
def test_what_has_no_derivative_there_is_refused(text: str, declare: str, at: Any) -> None:
    d = md.derive(text, "S", declare)
    given = {"S": at, **({"i": 2} if "index" in declare else {})}
    for ask in (d.value_and_grad, lambda **a: d.jvp(at, **a), lambda **a: d.vjp(1.0, **a)):
        with pytest.raises(md.DomainError):
            ask(**given)


def test_sums_over_a_spectrum_are_smooth_where_values_coincide() -> None:
    V = np.array([[1, 2j, 0], [-2j, 3, 1], [0, 1, -1]])
    for text, declare, slope in (
        ("sum(sqrt(eigvals(S)))", "S: 3×3 hpd", np.diag([0.5, 0.5, 0.5**1.5])),
        ("sum(svdvals(S).^4)", "S: 3×3 complex", 4 * EVERYWHERE @ EVERYWHERE @ EVERYWHERE),
    ):
        d = md.derive(text, "S", declare)
        assert np.allclose(d.value_and_grad(S=EVERYWHERE)[1], slope)
        assert np.isclose(d.jvp(V, S=EVERYWHERE), np.vdot(slope, V).real)


class Jax:
    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.t = jnp
        self.conj, self.abs, self.sum, self.re, self.im = jnp.conj, jnp.abs, jnp.sum, jnp.real, jnp.imag
        self.exp, self.log, self.sqrt, self.sin, self.tanh = jnp.exp, jnp.log, jnp.sqrt, jnp.sin, jnp.tanh
        self.inv, self.det, self.expm = jnp.linalg.inv, jnp.linalg.det, jax.scipy.linalg.expm
        self.eigvalsh, self.tr, self.diag = jnp.linalg.eigvalsh, jnp.trace, jnp.diagonal
        self.tril, self.relu, self.kron = jnp.tril, jax.nn.relu, jnp.kron

    def H(self, x: Any) -> Any:
        return self.t.conj(x).T

    def sq(self, x: Any) -> Any:
        return self.t.sum(self.t.real(x) ** 2 + self.t.imag(x) ** 2)

    def norm(self, x: Any) -> Any:
        return self.t.sqrt(self.sq(x))

    def svdvals(self, x: Any) -> Any:
        return self.t.linalg.svd(x, compute_uv=False, full_matrices=False)

    def logdet(self, x: Any) -> Any:
        return self.t.linalg.slogdet(x)[1]

    def eye(self, x: Any) -> Any:
        return self.t.eye(x.shape[0])

    def hfun(self, name: str, H: Any) -> Any:
        w, Q = self.t.linalg.eigh(H)
        return (Q * getattr(self.t, name)(w)[None, :]) @ self.H(Q)


@pytest.mark.share(16)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} by {case[2]}")
def test_jax_returns_the_conjugate(case: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    library = Jax()
    d = md.derive(case[0], wrt=case[2], declare=case[1], convention="jax")
    at = _point(d)
    order = [name.strip() for part in case[1].split(";") for name in part.split(":")[0].split(",")]
    by_name = {v.name: (v, a) for v, a in at.items()}
    arrays = [by_name[n][1] for n in order]
    places = tuple(order.index(X.name) for X in d.wrt)
    theirs = jax.jit(jax.grad(lambda *a: library.t.real(case[3](library, *a)), argnums=places))(*arrays)
    mine = _gradients(d, at)
    for X, G in zip(d.wrt, theirs, strict=True):
        inside = np.asarray(G) if is_real(X) else np.conj(_inside(X, np.conj(np.asarray(G)), at[X]))
        if is_real(X):
            inside = _inside(X, inside, at[X])
        assert np.allclose(mine[X.name], inside, rtol=1e-7, atol=1e-9), X.name


@pytest.fixture(scope="module")
def of_torch() -> Any:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return Torch()


@pytest.mark.parametrize("case", CASES, ids=_ids())
def test_torch(case: Any, of_torch: Any) -> None:
    import torch

    d = _derivation(case)
    at = _point(d)
    order = [name.strip() for part in case[1].split(";") for name in part.split(":")[0].split(",")]
    by_name = {v.name: (v, a) for v, a in at.items()}
    tensors = {}
    for name in order:
        v, a = by_name[name]
        t = torch.tensor(a, dtype=torch.float64 if is_real(v) else torch.complex128)
        tensors[name] = t.requires_grad_(any(X.name == name for X in d.wrt))
    mixed = {n: (t + 0j if is_real(by_name[n][0]) and t.ndim else t) for n, t in tensors.items()}
    try:
        value = case[3](of_torch, *tensors.values())
    except RuntimeError:  # operands of a product have one type in PyTorch
        value = case[3](of_torch, *mixed.values())
    value = torch.real(value)
    value.backward()
    mine, gradients = d.value_and_grad(**{v.name: a for v, a in at.items()})
    assert np.isclose(mine, value.item(), rtol=1e-9, atol=1e-11)
    gradients = gradients if d.several else {d.wrt[0].name: gradients}
    for X in d.wrt:
        theirs = _inside(X, tensors[X.name].grad.resolve_conj().numpy(), at[X])
        assert np.allclose(gradients[X.name], theirs, rtol=1e-7, atol=1e-9), X.name


@pytest.mark.parametrize(
    ("text", "declare", "says"),
    [
        ("relu(z)'*z", "z: n complex", "complex numbers have no order"),
        ("tr(chol(Z))", "Z: n×n complex", "not Hermitian"),
        ("tr(eigvecs(S))", "S: n×n hpd", "phase"),
        ("abs(eigvec(S, 2)[1])", "S: 3×3 hermitian", "eigproj"),
        ("abs(svd_U(Z)[1,1])", "Z: 3×3 complex", "phase of a singular vector"),
        ("norm(A^*)", "A: m×n complex", "two meanings"),
        ("x^H*A*x", "", "nothing is declared complex"),
        ("exp(i*x)", "x: scalar", "imaginary unit or a variable"),
        ("norm(z)", "z: n complex positive", "both complex and positive"),
        ("norm(S)", "S: n×n complex spd", "`hpd`"),
        ("lambda_max(Z)", "Z: n×n complex", "not known to be symmetric"),
    ],
)
def test_refusals(text: str, declare: str, says: str) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt=_letter(text), declare=declare or None)
    assert says in str(caught.value)


def _letter(text: str) -> str:
    return next(c for c in reversed(text) if c in "zZSAxX")


def test_a_function_that_is_not_real_has_operators_and_no_gradient() -> None:
    d = md.derive("z^H*A*z", wrt="z", declare="z: n complex; A: n×n complex")
    with pytest.raises(md.UnsupportedError, match=r"re\(zᴴ A z\)"):
        _ = d.gradient
    rng = np.random.default_rng(3)
    z, A, V = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in (3, (3, 3), 3))
    parts = [op.evaluate(z=z, A=A, dz=V) for op in (d.holomorphic, d.antiholomorphic)]
    assert np.isclose(parts[0], z.conj() @ A @ V)
    assert np.isclose(parts[1], V.conj() @ A @ z)
    assert np.isclose(d.jvp(V, z=z, A=A), sum(parts))
    Y = 0.3 - 2j
    assert np.isclose(np.vdot(d.vjp(Y, z=z, A=A), V).real, (np.conj(Y) * sum(parts)).real)
    assert md.derive("expm(Z)", wrt="Z", declare="Z: n×n complex").antiholomorphic.value.text() == "zeros(n,n)"


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: f"{case[0]} by {case[2]}")
def test_answers_read_back(case: Any) -> None:
    """What is printed is read as what it was, in Unicode, in ASCII and in LaTeX."""
    d = _derivation(case)
    at = _point(d)
    gradients = d.gradient if d.several else {d.wrt[0].name: d.gradient}
    arrays = {v.name: a for v, a in at.items()}
    for g in gradients.values():
        for text, dialect in ((g.text(), "plain"), (g.text(ascii=True), "plain"), (g.latex(), "latex")):
            if dialect == "latex" and "operatorname" in text:
                continue
            again = md.parse(text, d.types, dialect)
            assert np.allclose(again.evaluate(**arrays), g.evaluate(**arrays)), text


def test_signs_of_conjugates() -> None:
    said = "A: m×n complex; z: n complex; H: n×n hermitian; c: complex; x: n; t: scalar"
    same = {
        "z^H*H*z": (
            "z†*H*z",
            "z.H*H*z",
            r"z^{H} H z",
            r"z^\dagger H z",
            r"\bar z^\top H z",
            "<z, H*z>",
            "conj(z)'*H*z",
        ),
        "abs(c)^2": ("c^* * c", r"|c|^2", r"\bar c c", r"\overline{c} c", "conj(c)*c"),
        "z^H*H*z*abs(c)^2": (r"\langle z|H|z\rangle |c|^2", r"\operatorname{tr}(H |z\rangle\langle z|) |c|^2"),
        "(z^H*z)^2": (r"\langle z|z\rangle^2", "np.vdot(z, z)**2", "np.vdot(z, z).real**2"),
        "re(c)": (r"\Re(c)", r"\operatorname{Re}(c)", "real(c)", "im(1i*c)"),
        "im(c)": (r"\Im(c)", "imag(c)"),
        "norm(exp(1i*x) - z)^2": (r"\|e^{\mathrm{i}x} - z\|^2", r"\|e^{i x} - z\|_2^2", "norm(exp(1j*x) - z)^2"),
    }
    for text, others in same.items():
        for other in others:
            assert md.parse(text, said) == md.parse(other, said), other
    assert md.parse("z^H*z", said) != md.parse("z'*z", said)
    assert str(md.parse("x^H*x", "x: n")) == "xᵀ x", "of real data it is the transpose"


@pytest.mark.parametrize("word", ["z ∈ ℂ^n", r"z \in \mathbb{C}^n", "z: complex n", "z: n complex", "z: ℂ^n"])
def test_declarations(word: str) -> None:
    assert md.parse("norm(z)", word).types == "z: n complex"


def test_conventions() -> None:
    said = "A: m×n complex; z: n complex; b: m complex"
    found = {
        c: str(md.derive("norm(A*z - b)^2", "z", said, convention=c).gradient) for c in ("torch", "jax", "wirtinger")
    }
    assert found == {
        "torch": "2Aᴴ(A z − b)",
        "jax": "2Aᵀ conj(A z − b)",
        "wirtinger": "Aᴴ(A z − b)",
    }
    d = md.derive("norm(A*z - b)^2", "z", said)
    assert d.verify(claim="2*A^H*(A*z - b)").passed
    assert "half" in d.verify(claim="A^H*(A*z - b)").reason
    assert "JAX" in d.verify(claim="2*A^T*conj(A*z - b)").reason
    with pytest.raises(md.UnsupportedError, match="all variables are real"):
        md.derive("x'*x", "x", convention="jax")


def test_code_gives_value_and_gradient_in_each_library() -> None:
    d = md.derive("logdet(I + H*Q*H^H)", "H", "H: m×n complex; Q: n×n hpd")
    at = _point(d)
    arrays = {v.name: a for v, a in at.items()}
    value, gradient = d.value_and_grad(**arrays)
    for backend in ("numpy", "jax", "torch"):
        pytest.importorskip(backend, reason=f"{backend} is not installed")
        given = arrays
        if backend == "torch":
            import torch

            given = {k: torch.tensor(a) for k, a in arrays.items()}
        if backend == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
        space: dict[str, Any] = {}
        exec(compile(d.code(backend=backend), "<code>", "exec"), space)
        found = space["value_and_grad"](**given)
        assert np.isclose(float(found[0]), value)
        assert np.allclose(np.asarray(found[1].resolve_conj() if backend == "torch" else found[1]), gradient)


def test_hermitian_arrays_are_asked_for() -> None:
    d = md.derive("z^H*H*z", "z", "z: n complex; H: n×n hermitian")
    with pytest.raises(md.DomainError, match="not Hermitian"):
        d.evaluate(z=np.ones(2), H=np.array([[1, 2j], [2j, 1]]))
    with pytest.raises(md.DomainError, match="complex"):
        md.derive("norm(A*z)^2", "z", "z: n complex; A: n×n").evaluate(z=np.ones(2), A=1j * np.eye(2))


def test_second_derivatives_and_steps() -> None:
    for text, said in (
        ("norm(A*z - b)^2", "A: m×n complex; z: n complex; b: m complex"),
        ("sum((abs(A*z).^2 - y).^2)", "A: m×n complex; z: n complex; y: m"),
        ("(z^H*H*z)/(z^H*z)", "z: n complex; H: n×n hermitian"),
        ("sum(eigvals(z).^3) + sum(exp(eigvals(z)))", "z: n×n hermitian"),
        ("lambda_max(z)^2 + sigma_max(z)", "z: n×n hermitian"),
    ):
        d = md.derive(text, "z", said)
        assert d.verify(order=2).passed
        assert complexes.wrong_step(d) is None
        assert d.steps[-1].relation == "⇒ ∇f ="


@pytest.mark.parametrize(
    "ask",
    [
        lambda: md.equal("z'*z", "norm(z)^2", declare="z: n complex"),
        lambda: md.derive("A*z = b for z; norm(z)^2", "b", "A: n×n complex; z: n complex; b: n complex"),
        lambda: md.derive("sum_i(norm(z - a_i)^2)", "a_k", "z: n complex"),
        lambda: md.ode("p*u", state="u", wrt="p", declare="p: complex; u: scalar", initial=1, objective="u^2"),
        lambda: md.convex("norm(z)^2", "z", "z: n complex"),
        lambda: md.derive("norm(z)^2", "z", "z: n complex").hessian,
    ],
)
def test_what_has_rules_for_real_variables_alone_is_refused(ask: Any) -> None:
    with pytest.raises(md.MatdiffError):
        ask()


@pytest.mark.parametrize("convention", ["torch", "jax", "wirtinger"])
def test_derivations_and_answers_travel(convention: str) -> None:
    declare = "z: n complex; A: m×n complex; b: m complex"
    d = md.derive("sum(abs(A*z - b)) + re(conj(z)'*z)", "z", declare, convention=convention)
    again = pickle.loads(pickle.dumps(d))
    assert (type(again), again.convention, again.gradient) == (type(d), convention, d.gradient)
    rng = np.random.default_rng(1)
    z, A, b = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in (3, (2, 3), 2))
    answer = pickle.loads(pickle.dumps(d.gradient))
    np.testing.assert_allclose(answer.evaluate(z=z, A=A, b=b), d.gradient.evaluate(z=z, A=A, b=b))


def test_a_plain_derivation_loads_nothing_of_this() -> None:
    code = (
        "import sys, matdiff as md; d = md.derive('norm(A*x - b)^2', wrt='x'); str(d.gradient);"
        "print([m for m in sys.modules if m.startswith('matdiff') and 'complex' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['matdiff.ops.complexes', 'matdiff.ops.complex_spectra']"


MIMO = "H: m×n complex; Q: n×n hpd; S: m×m hpd"


@pytest.mark.parametrize(
    "text", ["logdet(I + inv(S)*H*Q*H^H)", r"\log\det(I + S^{-1} H Q H^{H})", "det(I + Q*H^H*inv(S)*H)"]
)
def test_determinants_of_one_and_a_product_of_two_hermitian_matrices_are_real(text: str) -> None:
    d = md.derive(text, wrt="H", declare=MIMO)
    assert d.kind == "gradient" and d.verify().passed
    with pytest.raises(md.MatdiffError):
        _ = md.derive("logdet(I + G*H*Q*H^H)", wrt="H", declare=f"{MIMO}; G: m×m complex").gradient


def test_a_logarithm_that_may_be_singular_is_verified_where_it_is_not() -> None:
    d = md.derive("log(z^H*H*z)", wrt="z", declare="z: n complex; H: n×n hermitian")
    assert d.verify().passed and d.verify(order=2).passed
    assert d.verify(claim="4*H*z/(z^H*H*z)").passed is False


def test_steps_by_several_complex_variables_end_in_pairings_with_the_gradients() -> None:
    declare = "A: m×n complex; z: n complex; x: m; b: m complex"
    d = md.derive("norm(A*z + x - b)^2", wrt="z,x", declare=declare)
    last = str(d.steps[-1].after)
    assert last.startswith("re(⟨2Aᴴ(A z + x − b), dz⟩) + ⟨") and last.endswith(", dx⟩")
    assert complexes.wrong_step(d) is None


@pytest.mark.parametrize(
    ("text", "wrt", "declare", "claim", "says"),
    [
        ("norm(A*z - b)^2", "z", "A: m×n complex; z: n complex; b: m complex", "2*A'*(A*z - b)", "Aᵀ should be Aᴴ"),
        ("z^H*H*z", "z", "H: n×n hermitian; z: n complex", "2*H'*z", "Hᵀ should be H"),
        ("z^H*H*z", "z", "H: n×n hermitian; z: n complex", "2*H*conj(z)", "conj(z) should be z"),
        ("abs(a^H*z)^2", "z", "a: n complex; z: n complex", "2*a*(a'*z)", "aᵀ should be aᴴ"),
        ("re(tr(A^H*U))", "U", "A: n×n complex; U: n×n unitary", "A", "½(G − U Gᴴ U)"),
        ("re(z^H*H*y)", "H", "z: n complex; y: n complex; H: n×n hermitian", "z*y^H", "½(G + Gᴴ)"),
        ("norm(z - a)^2", "z", "z: n complex; a: n complex", "2*(z + a)", "at a random point"),
    ],
)
def test_mistakes_are_named(text: str, wrt: str, declare: str, claim: str, says: str) -> None:
    found = md.derive(text, wrt, declare).verify(claim=claim)
    assert found.passed is False
    assert says in found.reason


def test_what_is_complex_or_an_index_is_not_said_to_be_real() -> None:
    """Rows a_i that are declared complex make A complex."""
    d = md.derive(r"\sum_i (|a_i^H x|^2 - y_i)^2", "x", "x: n complex; a_i: n complex")
    assert "y is real, as nothing else is declared" in d.remarks
    assert not any("real" in r for r in md.derive("eigval(H,i)", "H", "H: n×n hermitian").remarks)
