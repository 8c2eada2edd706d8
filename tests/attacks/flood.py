"""A flood: so many small mails over a few connections, each of another sender, as fast as they are taken.

    python -m tests.attacks.flood PORT CONNECTIONS MAILS      prints how many were taken

In a process of its own, so that it costs the service's event loop nothing. A mail that was not taken is offered again.
"""

import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor


def _pour(port: int, numbers: range) -> int:
    taken = 0
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for number in numbers:
            sender = f"joku.{number}@tulva.test"
            text = (
                f"From: {sender}\r\nMessage-ID: <{number}@tulva.test>\r\nSubject: Asia {number}\r\n\r\nHei {number}\r\n"
            )
            while client.sendmail(sender, ["asiakaspalvelu@lampo.test"], text):
                pass
            taken += 1
    return taken


def main() -> None:
    """Pour and count."""
    port, connections, mails = map(int, sys.argv[1:])
    with ThreadPoolExecutor(connections) as pool:
        shares = [range(first, mails, connections) for first in range(connections)]
        print(sum(pool.map(lambda share: _pour(port, share), shares)))


if __name__ == "__main__":
    main()
