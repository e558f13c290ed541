"""Asks cvc5 what it is asked in SMT-LIB: the wheel brings the library without a program around it."""

import sys

import cvc5


def answers(text):
    manager = cvc5.TermManager()
    solver, symbols = cvc5.Solver(manager), cvc5.SymbolManager(manager)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    said = []
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return said
        said.append(command.invoke(solver, symbols).strip())


question = []
for line in sys.stdin:
    if line.strip() != ";;end":
        question.append(line)
        continue
    try:
        # The last answer is the one that was asked for.
        said = [answer for answer in answers("".join(question)) if answer]
        print(said[-1] if said else "nothing", flush=True)
    except Exception as error:  # Said, and counted as not known.
        print("error:", " ".join(str(error).split()), flush=True)
    print(";;end", flush=True)
    question = []
