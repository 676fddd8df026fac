"""Prints the golden values of the AdamW test, by the published formula in 50 decimal digits. Usage: python3 adamw.py"""

from decimal import Decimal as D, getcontext

getcontext().prec = 50
RATE, DECAY, B1, B2, EPSILON = D("0.01"), D("0.1"), D("0.9"), D("0.999"), D("1e-8")
GRADIENTS = [(D("0.5"), D("-0.25")), (D("-1"), D("0.125")), (D("0.25"), D("2"))]

for index, p in enumerate([D(1), D("-0.5")]):
    m = v = D(0)
    for t, gradients in enumerate(GRADIENTS, start=1):
        g = gradients[index]
        p -= RATE * DECAY * p
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g * g
        p -= RATE * (m / (1 - B1**t)) / ((v / (1 - B2**t)).sqrt() + EPSILON)
    print(f"{p:.12f}")
