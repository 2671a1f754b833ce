"""The compiled correlation of all pairs of windows: the one part with its own arithmetic.

`pairs` correlates a pair in every lane of the vector registers, and is 7 times as fast as batched
FFTs. It is put together of `registers` (vector registers as numbers), `transforms` (small inverse
Fourier transforms, written out) and used beside `medians` (the middle of rows, by halving).
Whoever changes it reads CONTRIBUTING, "Change the kernel", first; `benchmarks/` has its figures.
"""
