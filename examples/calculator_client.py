"""
A WCF client in Python, for ``calculator.py`` or a calculator in C#.

    python examples/calculator_client.py [ADDRESS]
"""

import sys

from calculator import ADDRESS, ICalculator, MathProblem

from netshare.transport import FaultError, NetTcpBinding, NetTcpClient, SecurityMode


def main(address: str = ADDRESS) -> None:
    binding = NetTcpBinding(security=SecurityMode.NONE)
    with NetTcpClient(ICalculator, address, binding) as calculator:
        print(f"1 + 2 = {calculator.Add(1, 2)}")
        quotient, remainder = calculator.DivideWhole(17, 5)
        print(f"17 = {quotient} * 5 + {remainder}")
        print(f"sum: {calculator.Sum([1, 2.5, 4])}")
        try:
            calculator.Divide(1, 0)
        except FaultError as error:
            problem: MathProblem = error.detail
            print(f"refused: {error.reason} ({problem.Operation}: {problem.Reason})")


if __name__ == "__main__":
    main(*sys.argv[1:])
