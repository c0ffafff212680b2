"""Losses over data as papers write them, each with the sum evaluated by loops: what is held against `derive`."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf, lgamma
from typing import Any

import numpy as np
from numpy import exp, log, sqrt, tanh

N, M, D, H = 5, 4, 3, 2
each = np.ndindex


def sq(v: Any) -> Any:
    return np.sum(np.square(v))


def sg(t: Any) -> Any:
    return 1 / (1 + np.exp(-t))


def phi(t: Any) -> float:
    return 0.5 * (1 + erf(t / np.sqrt(2)))


def npdf(x: Any, m: Any, S: Any) -> Any:
    r = x - m
    return exp(-r @ np.linalg.inv(S) @ r / 2) / sqrt((2 * np.pi) ** len(x) * np.linalg.det(S))


class Arrays(dict[str, Any]):
    __getattr__ = dict.__getitem__


@dataclass(frozen=True)
class Loss:
    """A text, the variable, the sum by loops, and how the arrays are drawn; `named`: variable → array of the loops."""

    text: str
    wrt: str
    loop: Callable[[Any], Any]
    shapes: Mapping[str, tuple[int, ...]]
    kinds: Mapping[str, str]
    declare: str = ""
    named: Mapping[str, str] | None = None

    def arrays(self, seed: int) -> Arrays:
        rng = np.random.default_rng(seed)
        out = Arrays()
        for name, shape in self.shapes.items():
            v = rng.normal(size=shape)
            match self.kinds.get(name):
                case "positive":
                    v = np.abs(v) * 0.5 + 0.3
                case "fraction":
                    v = rng.uniform(0.1, 0.9, size=shape)
                case "sign":
                    v = np.sign(v)
                case "binary":
                    v = (v > 0).astype(float)
                case "spd":
                    v = v @ np.swapaxes(v, -1, -2) + np.eye(shape[-1])
            out[name] = float(v) if np.ndim(v) == 0 else v
        return out

    def given(self, name: str) -> str:
        """The array of the loops that a variable of the formula is."""
        return (self.named or {}).get(name, name if name in self.shapes else name.capitalize())


def handed(array: Any) -> Any:
    """A family of matrices as the rows vec(A_i)ᵀ."""
    return array if np.ndim(array) < 3 else array.transpose(0, 2, 1).reshape(len(array), -1)


LOSSES: dict[str, Loss] = {}


def loss(name: str, text: str, wrt: str, loop: Any, declare: str = "", named: Any = None, **drawn: Any) -> None:
    kinds = {n: kind for kind, names in drawn.items() if kind != "shapes" for n in names}
    LOSSES[name] = Loss(text, wrt, loop, drawn["shapes"], kinds, declare, named)


# fmt: off
loss("logistic 0/1", r"-\frac{1}{N}\sum_{i=1}^{N}\left[y_i\log\sigma(w^\top x_i)+(1-y_i)\log(1-\sigma(w^\top x_i))\right]","w",
  lambda a:-sum(a.y[i]*log(sg(a.w@a.X[i]))+(1-a.y[i])*log(1-sg(a.w@a.X[i])) for i in range(N))/N, shapes={"X": (N,D),"y": (N,),"w": (D,)},binary=("y",))
loss("logistic ±1 with intercept", r"\sum_{i=1}^n \log\left(1+\exp(-y_i(w^T x_i+b))\right)","w",
  lambda a:sum(log(1+exp(-a.y[i]*(a.w@a.X[i]+a.b))) for i in range(N)), shapes={"X": (N,D),"y": (N,),"w": (D,),"b": ()},sign=("y",))
loss("hinge SVM", r"\frac12\|w\|^2 + C\sum_{i=1}^n \max(0, 1-y_i(w^Tx_i+b))","w",
  lambda a:sq(a.w)/2+a.C*sum(max(0,1-a.y[i]*(a.w@a.X[i]+a.b)) for i in range(N)), shapes={"X": (N,D),"y": (N,),"w": (D,),"b": (),"C": ()},sign=("y",),positive=("C",))
loss("squared hinge", r"\frac{\lambda}{2}\|w\|_2^2+\frac1n\sum_{i=1}^n \max\{0,1-y_i w^\top x_i\}^2","w",
  lambda a:a["lambda"]/2*sq(a.w)+sum(max(0,1-a.y[i]*(a.w@a.X[i]))**2 for i in range(N))/N, shapes={"X":(N,D),"y":(N,),"w":(D,),"lambda":()},sign=("y",),positive=("lambda",))
loss("lasso", r"\frac{1}{2n}\sum_{i=1}^n (y_i - x_i^\top\beta)^2+\lambda\sum_{j=1}^p|\beta_j|","\\beta",
  lambda a:sum((a.y[i]-a.X[i]@a.beta)**2 for i in range(N))/(2*N)+a["lambda"]*sum(abs(a.beta)), shapes={"X":(N,D),"y":(N,),"beta":(D,),"lambda":()},positive=("lambda",))
loss("elastic net with intercept", r"\sum_{i=1}^{n}\left(y_i-\beta_0-\sum_{j=1}^p x_{ij}\beta_j\right)^2+\lambda_1\sum_{j=1}^p|\beta_j|+\lambda_2\sum_{j=1}^p\beta_j^2","beta",
  lambda a:sum((a.y[i]-a.beta_0-sum(a.X[i,j]*a.beta[j] for j in range(D)))**2 for i in range(N))+a.lambda_1*sum(abs(a.beta))+a.lambda_2*sq(a.beta), shapes={"X":(N,D),"y":(N,),"beta":(D,),"beta_0":(),"lambda_1":(),"lambda_2":()},positive=("lambda_1","lambda_2"))
loss("Huber by cases", r"\sum_{i=1}^n \begin{cases}\frac12 (y_i-w^\top x_i)^2 & |y_i-w^\top x_i|\le\delta\\ \delta(|y_i-w^\top x_i|-\frac12\delta) & \text{otherwise}\end{cases}","w",
  lambda a:sum(0.5*r**2 if abs(r)<=a.delta else a.delta*(abs(r)-a.delta/2) for r in [a.y[i]-a.w@a.X[i] for i in range(N)]), shapes={"X":(N,D),"y":(N,),"w":(D,),"delta":()},positive=("delta",))
loss("quantile (pinball)", r"\sum_{i=1}^n \max(\tau(y_i-x_i^\top\beta),(\tau-1)(y_i-x_i^\top\beta))","beta",
  lambda a:sum(max(a.tau*(a.y[i]-a.X[i]@a.beta),(a.tau-1)*(a.y[i]-a.X[i]@a.beta)) for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,),"tau":()},positive=("tau",))
loss("weighted least squares", r"\sum_{i=1}^n w_i (y_i - x_i^\top\beta)^2","beta",
  lambda a:sum(a.w[i]*(a.y[i]-a.X[i]@a.beta)**2 for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,),"w":(N,)},positive=("w",))
loss("Poisson", r"\sum_{i=1}^n\left(e^{x_i^\top\beta}-y_i x_i^\top\beta\right)","beta",
  lambda a:sum(exp(a.X[i]@a.beta)-a.y[i]*(a.X[i]@a.beta) for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,)})
loss("Poisson with factorial", r"-\sum_{i=1}^n\left(y_i x_i^\top\beta-e^{x_i^\top\beta}-\log(y_i!)\right)","beta",
  lambda a:-sum(a.y[i]*(a.X[i]@a.beta)-exp(a.X[i]@a.beta)-lgamma(a.y[i]+1) for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,)},positive=("y",))
loss("negative binomial", r"\sum_{i=1}^n\left[(y_i+r)\log(r+e^{x_i^\top\beta})-y_i x_i^\top\beta\right]","beta",
  lambda a:sum((a.y[i]+a.r)*log(a.r+exp(a.X[i]@a.beta))-a.y[i]*(a.X[i]@a.beta) for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,),"r":()},positive=("y","r"))
loss("probit", r"-\sum_{i=1}^n\left[y_i\log\Phi(x_i^\top\beta)+(1-y_i)\log(1-\Phi(x_i^\top\beta))\right]","beta",
  lambda a:-sum(a.y[i]*log(phi(a.X[i]@a.beta))+(1-a.y[i])*log(1-phi(a.X[i]@a.beta)) for i in range(N)), shapes={"X":(N,D),"y":(N,),"beta":(D,)},binary=("y",))
loss("multi-output", r"\sum_{i=1}^N\|y_i-W x_i-b\|_2^2+\lambda\|W\|_F^2","W",
  lambda a:sum(sq(a.Y[i]-a.W@a.X[i]-a.b) for i in range(N))+a["lambda"]*sq(a.W), shapes={"X":(N,D),"Y":(N,H),"W":(H,D),"b":(H,),"lambda":()})
# softmax
loss("softmax cross-entropy", r"-\sum_{i=1}^N\sum_{k=1}^K y_{ik}\log\frac{\exp(w_k^\top x_i)}{\sum_{j=1}^K\exp(w_j^\top x_i)}","W",
  lambda a:-sum(a.Y[i,k]*log(exp(a.W[k]@a.X[i])/sum(exp(a.W[j]@a.X[i]) for j in range(M))) for i,k in each(N,M)), shapes={"X": (N,D),"W": (M,D),"Y": (N,M)})
loss("softmax with biases and class weights", r"-\frac1N\sum_{i=1}^N\sum_{k=1}^K \alpha_k y_{ik}\log\frac{e^{w_k^\top x_i+b_k}}{\sum_{j}e^{w_j^\top x_i+b_j}}","b",
  lambda a:-sum(a.alpha[k]*a.Y[i,k]*log(exp(a.W[k]@a.X[i]+a.b[k])/sum(exp(a.W[j]@a.X[i]+a.b[j]) for j in range(M))) for i,k in each(N,M))/N, shapes={"X": (N,D),"W": (M,D),"Y": (N,M),"b": (M,),"alpha": (M,)})
loss("focal", r"-\sum_{i=1}^N (1-p_i)^\gamma\log p_i","p",
  lambda a:-sum((1-a.p[i])**a.gamma*log(a.p[i]) for i in range(N)), shapes={"p": (N,),"gamma": ()},fraction=("p",),positive=("gamma",))
loss("label-smoothed KL", r"\sum_{i=1}^N\sum_{k=1}^K p_{ik}\log\frac{p_{ik}}{q_{ik}}","q",
  lambda a:sum(a.P[i,k]*log(a.P[i,k]/a.Q[i,k]) for i,k in each(N,M)), shapes={"P": (N,M),"Q": (N,M)},positive=("P","Q"))
# gaussians
loss("Gaussian log-likelihood", r"\sum_{i=1}^N \log\mathcal{N}(x_i\mid\mu,\Sigma)",r"\mu",
  lambda a:sum(log(npdf(a.X[i],a.mu,a.Sigma)) for i in range(N)), shapes={"X": (N,D),"mu": (D,),"Sigma": (D,D)},spd=("Sigma",))
loss("Gaussian log-likelihood by Σ", r"-\frac{N}{2}\log|\Sigma|-\frac12\sum_{i=1}^N(x_i-\mu)^\top\Sigma^{-1}(x_i-\mu)",r"\Sigma",
  lambda a:-N/2*log(np.linalg.det(a.Sigma))-sum((a.X[i]-a.mu)@np.linalg.inv(a.Sigma)@(a.X[i]-a.mu) for i in range(N))/2, shapes={"X": (N,D),"mu": (D,),"Sigma": (D,D)},spd=("Sigma",))
loss("scalar normal", r"-\frac{n}{2}\log(2\pi\sigma^2)-\frac{1}{2\sigma^2}\sum_{i=1}^n(x_i-\mu)^2",r"\mu",
  lambda a:-N/2*log(2*np.pi*a.sigma**2)-sum((a.x[i]-a.mu)**2 for i in range(N))/(2*a.sigma**2), shapes={"x": (N,),"mu": (),"sigma": ()},positive=("sigma",))
loss("GMM", r"\sum_{i=1}^N\log\sum_{k=1}^K\pi_k\mathcal{N}(x_i\mid\mu_k,\Sigma)",r"\mu",
  lambda a:sum(log(sum(a.pi[k]*npdf(a.X[i],a.Mu[k],a.Sigma) for k in range(M))) for i in range(N)), shapes={"X": (N,D),"Mu": (M,D),"pi": (M,),"Sigma": (D,D)},spd=("Sigma",),positive=("pi",))
loss("GMM isotropic", r"-\sum_{n=1}^N \log\sum_{k=1}^K \pi_k \exp\left(-\frac{1}{2\sigma^2}\|x_n-\mu_k\|^2\right)",r"\mu",
  lambda a:-sum(log(sum(a.pi[k]*exp(-sq(a.X[n]-a.Mu[k])/(2*a.sigma**2)) for k in range(M))) for n in range(N)), shapes={"X": (N,D),"Mu": (M,D),"pi": (M,),"sigma": ()},positive=("pi","sigma"))
loss("k-means", r"\sum_{i=1}^N\sum_{k=1}^K r_{ik}\|x_i-\mu_k\|^2",r"\mu",
  lambda a:sum(a.R[i,k]*sq(a.X[i]-a.Mu[k]) for i,k in each(N,M)), shapes={"X": (N,D),"Mu": (M,D),"R": (N,M)})
loss("fuzzy c-means", r"\sum_{i=1}^n\sum_{j=1}^c u_{ij}^m\|x_i-v_j\|^2","u",
  lambda a:sum(a.U[i,j]**a.m*sq(a.X[i]-a.V[j]) for i,j in each(N,M)), shapes={"X": (N,D),"V": (M,D),"U": (N,M),"m": ()},positive=("U","m"))
loss("Mahalanobis metric", r"\sum_{i<j} s_{ij}(x_i-x_j)^\top M(x_i-x_j)","M",
  lambda a:sum(a.S[i,j]*(a.X[i]-a.X[j])@a.M@(a.X[i]-a.X[j]) for i,j in each(N,N) if i<j), shapes={"X": (N,D),"S": (N,N),"M": (D,D)})
# factorisation
loss("matrix factorisation", r"\sum_{(i,j)\in\Omega}(r_{ij}-u_i^\top v_j)^2+\lambda\left(\sum_i\|u_i\|^2+\sum_j\|v_j\|^2\right)","U",
  lambda a:sum(a.Omega[i,j]*(a.R[i,j]-a.U[i]@a.V[j])**2 for i,j in each(N,M))+a["lambda"]*(sq(a.U)+sq(a.V)), shapes={"Omega":(N,M),"R":(N,M),"U":(N,D),"V":(M,D),"lambda":()},binary=("Omega",))
loss("MF with biases", r"\sum_{(i,j)\in\Omega}\left(r_{ij}-\mu-b_i-c_j-u_i^\top v_j\right)^2","b",
  lambda a:sum(a.Omega[i,j]*(a.R[i,j]-a.mu-a.b[i]-a.c[j]-a.U[i]@a.V[j])**2 for i,j in each(N,M)), shapes={"Omega": (N,M),"R": (N,M),"U": (N,D),"V": (M,D),"b": (N,),"c": (M,),"mu": ()},binary=("Omega",))
loss("weighted ALS", r"\sum_{u,i} c_{ui}(p_{ui}-x_u^\top y_i)^2","X",
  lambda a:sum(a.C[u,i]*(a.P[u,i]-a.X[u]@a.Y[i])**2 for u,i in each(N,M)), shapes={"C": (N,M),"P": (N,M),"X": (N,D),"Y": (M,D)})
loss("NMF KL", r"\sum_{i,j}\left(v_{ij}\log\frac{v_{ij}}{(WH)_{ij}}-v_{ij}+(WH)_{ij}\right)","W",
  lambda a:sum(a.V[i,j]*log(a.V[i,j]/(a.W@a.H)[i,j])-a.V[i,j]+(a.W@a.H)[i,j] for i,j in each(N,M)), shapes={"V": (N,M),"W": (N,D),"H": (D,M)},positive=("V","W","H"))
loss("NMF entrywise", r"\sum_{i=1}^n\sum_{j=1}^m\left(x_{ij}-\sum_{k=1}^r w_{ik}h_{kj}\right)^2","W",
  lambda a:sum((a.X[i,j]-sum(a.W[i,k]*a.H[k,j] for k in range(D)))**2 for i,j in each(N,M)), shapes={"X": (N,M),"W": (N,D),"H": (D,M)})
loss("GloVe", r"\sum_{i,j=1}^V f_{ij}\left(w_i^\top\tilde w_j+b_i+\tilde b_j-\log x_{ij}\right)^2","w",
  lambda a:sum(a.F[i,j]*(a.W[i]@a.W_tilde[j]+a.b[i]+a.b_tilde[j]-log(a.X[i,j]))**2 for i,j in each(N,N)), shapes={"F": (N,N),"W": (N,D),"W_tilde": (N,D),"b": (N,),"b_tilde": (N,),"X": (N,N)},positive=("X",))
loss("word2vec neg. sampling", r"-\log\sigma(u_o^\top v_c)-\sum_{k=1}^K\log\sigma(-u_k^\top v_c)","v_c",
  lambda a:-log(sg(a.u_o@a.v_c))-sum(log(sg(-a.U[k]@a.v_c)) for k in range(M)), shapes={"u_o": (D,),"v_c": (D,),"U": (M,D)})
loss("FM", r"w_0+\sum_{i=1}^n w_i x_i+\sum_{i=1}^n\sum_{j=i+1}^n \langle v_i,v_j\rangle x_i x_j","V",
  lambda a:a.w_0+sum(a.w[i]*a.x[i] for i in range(N))+sum(a.V[i]@a.V[j]*a.x[i]*a.x[j] for i,j in each(N,N) if i<j), shapes={"w_0": (),"w": (N,),"x": (N,),"V": (N,D)})
# graphs
loss("graph Laplacian (scalars)", r"\frac12\sum_{i,j} w_{ij}(f_i-f_j)^2","f",
  lambda a:sum(a.W[i,j]*(a.f[i]-a.f[j])**2 for i,j in each(N,N))/2, shapes={"W": (N,N),"f": (N,)})
loss("Laplacian eigenmaps (normalised)", r"\frac12\sum_{i,j=1}^n w_{ij}\left\|\frac{f_i}{\sqrt{d_i}}-\frac{f_j}{\sqrt{d_j}}\right\|^2","F",
  lambda a:sum(a.W[i,j]*sq(a.F[i]/sqrt(a.d[i])-a.F[j]/sqrt(a.d[j])) for i,j in each(N,N))/2, shapes={"W": (N,N),"F": (N,D),"d": (N,)},positive=("d",))
loss("total variation smoothed", r"\sum_{i=1}^{n-1}\sqrt{(x_{i+1}-x_i)^2+\epsilon^2}","x",
  lambda a:sum(sqrt((a.x[i+1]-a.x[i])**2+a.epsilon**2) for i in range(N-1)), shapes={"x": (N,),"epsilon": ()})
loss("total variation", r"\frac12\sum_{i=1}^n(x_i-y_i)^2+\lambda\sum_{i=1}^{n-1}|x_{i+1}-x_i|","x",
  lambda a:sum((a.x[i]-a.y[i])**2 for i in range(N))/2+a["lambda"]*sum(abs(a.x[i+1]-a.x[i]) for i in range(N-1)), shapes={"x":(N,),"y":(N,),"lambda":()})
loss("second differences", r"\sum_{i=2}^{n-1}(x_{i+1}-2x_i+x_{i-1})^2","x",
  lambda a:sum((a.x[i+1]-2*a.x[i]+a.x[i-1])**2 for i in range(1,N-1)), shapes={"x": (N,)})
loss("stress", r"\sum_{i<j}w_{ij}\left(\|x_i-x_j\|-\delta_{ij}\right)^2","X",
  lambda a:sum(a.W[i,j]*(sqrt(sq(a.X[i]-a.X[j]))-a.Delta[i,j])**2 for i,j in each(N,N) if i<j), shapes={"W": (N,N),"X": (N,D),"Delta": (N,N)})
loss("Sammon", r"\sum_{i<j}\frac{(d_{ij}-\|y_i-y_j\|)^2}{d_{ij}}","Y",
  lambda a:sum((a.D[i,j]-sqrt(sq(a.Y[i]-a.Y[j])))**2/a.D[i,j] for i,j in each(N,N) if i<j), shapes={"D": (N,N),"Y": (N,D)},positive=("D",))
loss("t-SNE", r"\sum_{i\neq j}p_{ij}\log\frac{p_{ij}}{q_{ij}}; q_{ij}=\frac{(1+\|y_i-y_j\|^2)^{-1}}{\sum_{k\neq l}(1+\|y_k-y_l\|^2)^{-1}}","Y",
  lambda a:sum(a.P[i,j]*log(a.P[i,j]*sum(1/(1+sq(a.Y[k]-a.Y[m])) for k,m in each(N,N) if k!=m)*(1+sq(a.Y[i]-a.Y[j]))) for i,j in each(N,N) if i!=j), shapes={"P": (N,N),"Y": (N,D)},positive=("P",))
loss("t-SNE reversed order", r"q_{ij}=\frac{(1+\|y_i-y_j\|^2)^{-1}}{\sum_{k\neq l}(1+\|y_k-y_l\|^2)^{-1}}; \sum_{i\neq j}p_{ij}\log\frac{p_{ij}}{q_{ij}}","Y",
  lambda a:sum(a.P[i,j]*log(a.P[i,j]*sum(1/(1+sq(a.Y[k]-a.Y[m])) for k,m in each(N,N) if k!=m)*(1+sq(a.Y[i]-a.Y[j]))) for i,j in each(N,N) if i!=j), shapes={"P": (N,N),"Y": (N,D)},positive=("P",))
# contrastive
loss("InfoNCE z_i'", r"-\frac1N\sum_{i=1}^N\log\frac{\exp(z_i^\top z_i'/\tau)}{\sum_{j=1}^N\exp(z_i^\top z_j'/\tau)}","Z",
  lambda a:-sum(log(exp(a.Z[i]@a.Zp[i]/a.tau)/sum(exp(a.Z[i]@a.Zp[j]/a.tau) for j in range(N))) for i in range(N))/N, shapes={"Z": (N,D),"Zp": (N,D),"tau": ()},positive=("tau",), named={"Z_prime": "Zp"})
loss("SimCLR exclusion", r"-\sum_{i=1}^N\log\frac{\exp(z_i^\top z_i^+/\tau)}{\sum_{k=1}^N\mathbb{1}[k\neq i]\exp(z_i^\top z_k/\tau)}","Z",
  lambda a:-sum(log(exp(a.Z[i]@a.Zp[i]/a.tau)/sum(exp(a.Z[i]@a.Z[k]/a.tau) for k in range(N) if k!=i)) for i in range(N)), shapes={"Z": (N,D),"Zp": (N,D),"tau": ()},positive=("tau",), named={"Z_plus": "Zp"})
loss("triplet superscripts", r"\sum_{i=1}^N\left[\|a_i-p_i\|_2^2-\|a_i-n_i\|_2^2+\alpha\right]_+","a",
  lambda a:sum(max(0,sq(a.A[i]-a.P[i])-sq(a.A[i]-a.Neg[i])+a.alpha) for i in range(N)), shapes={"A": (N,D),"P": (N,D),"Neg": (N,D),"alpha": ()}, named={"n": "Neg", "N": "Neg"})
loss("triplet x^a", r"\sum_{i=1}^N\max\left(0,\|x_i^a-x_i^p\|_2^2-\|x_i^a-x_i^n\|_2^2+\alpha\right)","x_i^a",
  lambda a:sum(max(0,sq(a.A[i]-a.P[i])-sq(a.A[i]-a.Neg[i])+a.alpha) for i in range(N)), shapes={"A": (N,D),"P": (N,D),"Neg": (N,D),"alpha": ()}, named={"X_a": "A", "X_p": "P", "X_n": "Neg"})
loss("RankNet", r"\sum_{i,j} p_{ij}\log(1+e^{-(s_i-s_j)})","s",
  lambda a:sum(a.P[i,j]*log(1+exp(-(a.s[i]-a.s[j]))) for i,j in each(N,N)), shapes={"P": (N,N),"s": (N,)})
loss("BPR (one user)", r"-\sum_{(i,j)\in D}\ln\sigma(p^\top q_i-p^\top q_j)+\lambda\|p\|^2","p",
  lambda a:-sum(a.D[i,j]*log(sg(a.p@a.Q[i]-a.p@a.Q[j])) for i,j in each(N,N))+a["lambda"]*sq(a.p), shapes={"D":(N,N),"Q":(N,D),"p":(D,),"lambda":()},binary=("D",))
loss("ListNet", r"-\sum_{i=1}^n \frac{e^{y_i}}{\sum_{j=1}^n e^{y_j}}\log\frac{e^{s_i}}{\sum_{j=1}^n e^{s_j}}","s",
  lambda a:-sum(exp(a.y[i])/sum(exp(a.y))*log(exp(a.s[i])/sum(exp(a.s))) for i in range(N)), shapes={"y": (N,),"s": (N,)})
loss("Cox", r"-\sum_{i=1}^n\delta_i\left(x_i^\top\beta-\log\sum_{j:t_j\ge t_i}\exp(x_j^\top\beta)\right)","beta",
  lambda a:-sum(a.delta[i]*(a.X[i]@a.beta-log(sum(exp(a.X[j]@a.beta) for j in range(N) if a.t[j]>=a.t[i]))) for i in range(N)), shapes={"X": (N,D),"beta": (D,),"delta": (N,),"t": (N,)},binary=("delta",))
# kernels
loss("MMD", r"\frac{1}{n^2}\sum_{i,j=1}^n e^{-\|x_i-x_j\|^2/(2\sigma^2)}-\frac{2}{nm}\sum_{i=1}^n\sum_{j=1}^m e^{-\|x_i-y_j\|^2/(2\sigma^2)}+\frac{1}{m^2}\sum_{i,j=1}^m e^{-\|y_i-y_j\|^2/(2\sigma^2)}","X",
  lambda a:(lambda k:sum(k(a.X[i],a.X[j]) for i,j in each(N,N))/N**2-2*sum(k(a.X[i],a.Y[j]) for i,j in each(N,M))/N/M+sum(k(a.Y[i],a.Y[j]) for i,j in each(M,M))/M**2)(lambda u,v:exp(-sq(u-v)/(2*a.sigma**2))), shapes={"X": (N,D),"Y": (M,D),"sigma": ()},positive=("sigma",))
loss("KDE log-lik", r"\sum_{i=1}^n\log\frac1n\sum_{j=1}^n\exp\left(-\frac{(x_i-x_j)^2}{2h^2}\right)","h",
  lambda a:sum(log(sum(exp(-(a.x[i]-a.x[j])**2/(2*a.h**2)) for j in range(N))/N) for i in range(N)), shapes={"x": (N,),"h": ()},positive=("h",))
loss("SVM dual with kernel", r"\sum_{i=1}^n\alpha_i-\frac12\sum_{i=1}^n\sum_{j=1}^n\alpha_i\alpha_j y_iy_j k_{ij}",r"\alpha",
  lambda a:sum(a.alpha)-sum(a.alpha[i]*a.alpha[j]*a.y[i]*a.y[j]*a.K[i,j] for i,j in each(N,N))/2, shapes={"alpha": (N,),"y": (N,),"K": (N,N)})
loss("kernel ridge", r"\sum_{i=1}^n\left(y_i-\sum_{j=1}^n\alpha_j k_{ij}\right)^2+\lambda\sum_{i,j}\alpha_i\alpha_j k_{ij}",r"\alpha",
  lambda a:sum((a.y[i]-sum(a.alpha[j]*a.K[i,j] for j in range(N)))**2 for i in range(N))+a["lambda"]*sum(a.alpha[i]*a.alpha[j]*a.K[i,j] for i,j in each(N,N)), shapes={"alpha":(N,),"y":(N,),"K":(N,N),"lambda":()})
loss("HSIC unbiased-ish", r"\frac{1}{n^2}\sum_{i,j}k_{ij}l_{ij}-\frac{2}{n^3}\sum_{i}\left(\sum_j k_{ij}\right)\left(\sum_j l_{ij}\right)+\frac{1}{n^4}\sum_{i,j}k_{ij}\sum_{i,j}l_{ij}","K",
  lambda a:(a.K*a.L).sum()/N**2-2/N**3*sum(a.K[i].sum()*a.L[i].sum() for i in range(N))+a.K.sum()*a.L.sum()/N**4, shapes={"K": (N,N),"L": (N,N)})
# networks
loss("two-layer network", r"\frac12\sum_{i=1}^N\|W_2\,\sigma(W_1x_i+b_1)+b_2-y_i\|^2","W_1",
  lambda a:sum(sq(a.W_2@sg(a.W_1@a.X[i]+a.b_1)+a.b_2-a.Y[i]) for i in range(N))/2, shapes={"W_1": (M,D),"W_2": (H,M),"b_1": (M,),"b_2": (H,),"X": (N,D),"Y": (N,H)})
loss("autoencoder", r"\sum_{i=1}^N\|x_i-V\tanh(Wx_i+b)-c\|^2","W",
  lambda a:sum(sq(a.X[i]-a.V@tanh(a.W@a.X[i]+a.b)-a.c) for i in range(N)), shapes={"W": (H,D),"V": (D,H),"b": (H,),"c": (D,),"X": (N,D)})
loss("ReLU unit sums", r"\sum_{i=1}^N\left(y_i-\sum_{j=1}^m a_j\max(0,w_j^\top x_i)\right)^2","W",
  lambda a:sum((a.y[i]-sum(a.a[j]*max(0,a.W[j]@a.X[i]) for j in range(M)))**2 for i in range(N)), shapes={"y": (N,),"a": (M,),"W": (M,D),"X": (N,D)})
loss("PCA reconstruction", r"\sum_{i=1}^n\|x_i-WW^\top x_i\|^2","W",
  lambda a:sum(sq(a.X[i]-a.W@a.W.T@a.X[i]) for i in range(N)), shapes={"X": (N,D),"W": (D,H)})
loss("Procrustes", r"\sum_{i=1}^n\|y_i-Rx_i-t\|^2","R",
  lambda a:sum(sq(a.Y[i]-a.R@a.X[i]-a.t) for i in range(N)), shapes={"X": (N,D),"Y": (N,D),"R": (D,D),"t": (D,)})
loss("variance along w", r"\frac1N\sum_{i=1}^N\left(w^\top(x_i-\bar x)\right)^2","w",
  lambda a:sum((a.w@(a.X[i]-a.x_bar))**2 for i in range(N))/N, shapes={"X": (N,D),"x_bar": (D,),"w": (D,)})
loss("LDA ratio", r"\frac{(w^\top(m_1-m_2))^2}{\sum_{i=1}^N(w^\top(x_i-m_1))^2+\sum_{j=1}^M(w^\top(y_j-m_2))^2}","w",
  lambda a:(a.w@(a.m_1-a.m_2))**2/(sum((a.w@(a.X[i]-a.m_1))**2 for i in range(N))+sum((a.w@(a.Y[j]-a.m_2))**2 for j in range(M))), shapes={"X": (N,D),"Y": (M,D),"m_1": (D,),"m_2": (D,),"w": (D,)})
loss("scatter trace", r"\operatorname{tr}\left(W^\top\sum_{i=1}^N(x_i-\mu)(x_i-\mu)^\top W\right)","W",
  lambda a:np.trace(a.W.T@sum(np.outer(a.X[i]-a.mu,a.X[i]-a.mu) for i in range(N))@a.W), shapes={"W": (D,H),"mu": (D,),"X": (N,D)})
loss("dictionary", r"\frac1n\sum_{i=1}^n\left(\frac12\|x_i-D\alpha_i\|_2^2+\lambda\|\alpha_i\|_1\right)","D",
  lambda a:sum(sq(a.X[i]-a.D@a.Alpha[i])/2+a["lambda"]*sum(abs(a.Alpha[i])) for i in range(N))/N, shapes={"X":(N,H),"D":(H,D),"Alpha":(N,D),"lambda":()})
loss("attention", r"\sum_{i=1}^n\left\|y_i-\sum_{j=1}^n\frac{e^{q_i^\top k_j}}{\sum_{l=1}^n e^{q_i^\top k_l}}v_j\right\|^2","Q",
  lambda a:sum(sq(a.Y[i]-sum(exp(a.Q[i]@a.K[j])/sum(exp(a.Q[i]@a.K[m]) for m in range(N))*a.V[j] for j in range(N))) for i in range(N)), shapes={"Y": (N,H),"Q": (N,D),"K": (N,D),"V": (N,H)})
loss("logsumexp of max margins", r"\sum_i \log\sum_k\exp(x_i^\top w_k)","W",
  lambda a:sum(log(sum(exp(a.X[i]@a.W[k]) for k in range(M))) for i in range(N)), shapes={"X": (N,D),"W": (M,D)})
loss("Dirichlet/simplex entropy", r"-\sum_{k} p_k\log p_k+\lambda\left(\sum_k p_k-1\right)","p",
  lambda a:-sum(a.p*log(a.p))+a["lambda"]*(sum(a.p)-1), shapes={"p":(N,),"lambda":()},positive=("p",))
loss("Ising pseudo-likelihood", r"\sum_{i=1}^n\log\left(1+\exp\left(-2x_i\left(\sum_{j\neq i}\theta_{ij}x_j+h_i\right)\right)\right)","theta",
  lambda a:sum(log(1+exp(-2*a.x[i]*(sum(a.Theta[i,j]*a.x[j] for j in range(N) if j!=i)+a.h[i]))) for i in range(N)), shapes={"x": (N,),"Theta": (N,N),"h": (N,)})
loss("RBM free energy", r"-\sum_j b_jv_j-\sum_{i=1}^m\log\left(1+e^{c_i+\sum_j w_{ij}v_j}\right)","v",
  lambda a:-sum(a.b[j]*a.v[j] for j in range(N))-sum(log(1+exp(a.c[i]+sum(a.W[i,j]*a.v[j] for j in range(N)))) for i in range(M)), shapes={"b": (N,),"v": (N,),"c": (M,),"W": (M,N)})
loss("AR(1) vector", r"\sum_{t=2}^T\|x_t-Ax_{t-1}-c\|^2","A",
  lambda a:sum(sq(a.X[t]-a.A@a.X[t-1]-a.c) for t in range(1,N)), shapes={"X": (N,D),"A": (D,D),"c": (D,)})
loss("exponential loss", r"\sum_{i=1}^m e^{-y_i\sum_{t=1}^T\alpha_t h_{it}}",r"\alpha",
  lambda a:sum(exp(-a.y[i]*sum(a.alpha[t]*a.H[i,t] for t in range(M))) for i in range(N)), shapes={"y": (N,),"alpha": (M,),"H": (N,M)},sign=("y",))
loss("Coulomb", r"\sum_{i<j}\frac{q_iq_j}{\|r_i-r_j\|}","R",
  lambda a:sum(a.q[i]*a.q[j]/sqrt(sq(a.R[i]-a.R[j])) for i,j in each(N,N) if i<j), shapes={"q": (N,),"R": (N,D)})
loss("Lennard-Jones", r"\sum_{i<j}4\epsilon\left[\left(\frac{\sigma}{\|r_i-r_j\|}\right)^{12}-\left(\frac{\sigma}{\|r_i-r_j\|}\right)^{6}\right]","R",
  lambda a:sum(4*a.epsilon*((a.sigma/sqrt(sq(a.R[i]-a.R[j])))**12-(a.sigma/sqrt(sq(a.R[i]-a.R[j])))**6) for i,j in each(N,N) if i<j), shapes={"R": (N,D),"sigma": (),"epsilon": ()},positive=("sigma","epsilon"))
loss("Rosenbrock", r"\sum_{i=1}^{n-1}\left[100(x_{i+1}-x_i^2)^2+(1-x_i)^2\right]","x",
  lambda a:sum(100*(a.x[i+1]-a.x[i]**2)**2+(1-a.x[i])**2 for i in range(N-1)), shapes={"x": (N,)})
loss("cosine similarity", r"\sum_{i=1}^N\left(1-\frac{x_i^\top y_i}{\|x_i\|\|y_i\|}\right)","X",
  lambda a:sum(1-a.X[i]@a.Y[i]/sqrt(sq(a.X[i])*sq(a.Y[i])) for i in range(N)), shapes={"X": (N,D),"Y": (N,D)})
loss("plain: sum_i with a space", r"sum_i (y_i - w'*x_i)^2","w",
  lambda a:sum((a.y[i]-a.w@a.X[i])**2 for i in range(N)), shapes={"y": (N,),"w": (D,),"X": (N,D)})
loss("plain: weighted", r"1/N * sum_{i=1}^N log(1 + exp(-y_i * w'*x_i))","w",
  lambda a:sum(log(1+exp(-a.y[i]*(a.w@a.X[i]))) for i in range(N))/N, shapes={"y": (N,),"w": (D,),"X": (N,D)})
loss("plain: pairs", r"sum_{i<j} w_ij*norm(x_i - x_j)^2","X",
  lambda a:sum(a.W[i,j]*sq(a.X[i]-a.X[j]) for i,j in each(N,N) if i<j), shapes={"W": (N,N),"X": (N,D)})
loss("traces A_i", r"\sum_{i=1}^m y_i\operatorname{tr}(A_iX)","X",
  lambda a:sum(a.y[i]*np.trace(a.A[i]@a.X) for i in range(M)), shapes={"y": (M,),"A": (M,D,D),"X": (D,D)})
loss("quadratic forms A_i", r"\sum_{i=1}^m x^\top A_i x","x",
  lambda a:sum(a.x@a.A[i]@a.x for i in range(M)), shapes={"A": (M,D,D),"x": (D,)})
loss("blocks A_i x", r"\sum_{i=1}^m\|A_ix-b_i\|^2","x",
  lambda a:sum(sq(a.A[i]@a.x-a.B[i]) for i in range(M)), shapes={"A": (M,H,D),"B": (M,H),"x": (D,)})
loss("affine combination", r"\log\det\left(\sum_{i=1}^m x_iA_i\right)","x",
  lambda a:log(np.linalg.det(sum(a.x[i]*a.A[i] for i in range(M)))), shapes={"A": (M,D,D),"x": (M,)}, spd=("A",), positive=("x",))

loss("contrastive pairs", r"\sum_{i,j} \left[y_{ij}\|x_i-x_j\|^2+(1-y_{ij})\max(0,m-\|x_i-x_j\|^2)\right]","X",
  lambda a:sum(a.Y[i,j]*sq(a.X[i]-a.X[j])+(1-a.Y[i,j])*max(0,a.m-sq(a.X[i]-a.X[j])) for i,j in each(N,N)), shapes={"Y": (N,N),"X": (N,D),"m": ()},binary=("Y",),positive=("m",))
loss("ICA", r"-\sum_{t=1}^T\sum_{i=1}^n\log\cosh(w_i^\top x_t)+T\log|\det W|","W",
  lambda a:-sum(log(np.cosh(a.W[i]@a.X[t])) for t,i in each(N,D))+N*log(abs(np.linalg.det(a.W))), declare="W: n×n", shapes={"W": (D,D),"X": (N,D)})
loss("definitions behind", r"\ell(\beta)=\sum_{i=1}^n\{y_i\log\pi_i+(1-y_i)\log(1-\pi_i)\}; \pi_i=\sigma(x_i^\top\beta)", "beta",
  lambda a:sum(a.y[i]*log(sg(a.X[i]@a.beta))+(1-a.y[i])*log(1-sg(a.X[i]@a.beta)) for i in range(N)), shapes={"X": (N,D),"y": (N,),"beta": (D,)},binary=("y",))
loss("k-means by the nearest", r"\sum_{i=1}^n\min_k\|x_i-\mu_k\|^2", r"\mu",
  lambda a:sum(min(sq(a.X[i]-a.Mu[k]) for k in range(M)) for i in range(N)), shapes={"X": (N,D),"Mu": (M,D)})
loss("discounted", r"\sum_{t=1}^T\gamma^t r_t", r"\gamma",
  lambda a:sum(a.gamma**(t+1)*a.r[t] for t in range(N)), shapes={"gamma": (),"r": (N,)}, positive=("gamma",))
loss("capitals", r"\sum_{i=1}^n (Y_i - X_i^\top\beta)^2", r"\beta",
  lambda a:sum((a.Y[i]-a.X[i]@a.beta)**2 for i in range(N)), shapes={"Y": (N,),"X": (N,D),"beta": (D,)})
loss("affine measurements", r"\sum_i (\langle A_i, X\rangle-y_i)^2", "X",
  lambda a:sum((np.sum(a.A[i]*a.X)-a.y[i])**2 for i in range(N)), shapes={"A": (N,H,D),"X": (H,D),"y": (N,)})
loss("distances of matrices", r"\sum_i w_i\|A_i-X\|_F^2", "X",
  lambda a:sum(a.w[i]*sq(a.A[i]-a.X) for i in range(N)), shapes={"w": (N,),"A": (N,H,D),"X": (H,D)})
loss("forms by samples", r"\sum_i x_i^\top A_i x_i", "x",
  lambda a:sum(a.X[i]@a.A[i]@a.X[i] for i in range(N)), shapes={"A": (N,D,D),"X": (N,D)}, named={"X":"X"})
loss("units by samples", r"\sum_{i}\|\tanh(W_i x)\|^2", "x",
  lambda a:sum(sq(tanh(a.W[i]@a.x)) for i in range(N)), shapes={"W": (N,H,D),"x": (D,)})
loss("differences of numbers", r"\sum_{i,j} |i-j| x_i x_j", "x",
  lambda a:sum(abs(i-j)*a.x[i]*a.x[j] for i,j in each(N,N)), shapes={"x": (N,)})
loss("chains", r"\sum_{i,j,k}a_{ij}b_{jk}c_{ki}", "b",
  lambda a:np.trace(a.A@a.B@a.C), shapes={"A": (N,M),"B": (M,D),"C": (D,N)})
# fmt: on


REFUSED = {
    r"\sum_{i=1}^m\log\det(A_i+X)": ("X", "det of members of a family"),
    r"\sum_{i=1}^N\log\sum_{k=1}^K\pi_k\mathcal{N}(x_i\mid\mu_k,\Sigma_k)": (r"\mu", "logdet of members of a family"),
    r"\sum_{i,j,k}\left(t_{ijk}-\sum_r a_{ir}b_{jr}c_{kr}\right)^2": ("a", "t_ijk would need an array with three axes"),
    r"\sum_i \operatorname{tr}(A_i X A_i^\top)": ("X", "a product of two matrices that depend on an index"),
    r"\sum_{u,i,j}\log\sigma(x_u^\top y_i-x_u^\top y_j)": ("X", "depends on i, j, u together"),
    r"\sum_{i=1}^n\left[y_i\log p_i\right]+(1-y_i)\log(1-p_i)": ("p", "the index i stands outside its sum"),
    r"\sum_{i=1}^n (y_i-x_i\cdot w)^2": ("w", "is this the inner product of two vectors?"),
    r"\sum_n\{t_n-\mathbf w^{\rm T}\boldsymbol\phi(\mathbf x_n)\}^2": (r"\mathbf w", "a function of"),
    r"\sum_i\sum_{j\in N(i)}w_{ij}(x_i-x_j)^2": ("x", "a sum over a set that nothing declares"),
    r"\log\alpha\sum_i x_i": ("x", "does \\log take the sum behind it?"),
    r"\sum_i \begin{cases} x_i & x_i \to 0\\ 0 & \text{otherwise}\end{cases}": ("x", "this condition cannot be read"),
}
