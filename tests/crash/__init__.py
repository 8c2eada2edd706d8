"""The crash campaign: the whole service killed again and again under load, and a judge that counts what it cost.

Whoever reads it begins at the top:

    campaign   the driver: starts a child, kills it, starts the next one on the same folder, at the end calls the judge
    deaths     which deaths, and in which order
    child      the service itself with two robots that approve, in a process that can be killed at a named point
    points     the named points: between any two stages, laid around the parts from outside
    relay      the site's MTA: keeps a ledger of all that it took, and misbehaves now and then
    clients    the MTA in front: offers mails, and offers a mail without a final reply again
    evidence   all that there is to join: ledgers and rows
    judge      joins them; every count must be nought
    report     what is printed
    mutants    mistakes put into the child on purpose, to show that the judge can fail

    python -m tests.crash.campaign --kills 200 --seed 7
"""
