"""The 25 types of instruction of IFEval (Zhou et al. 2023, arXiv 2311.07911), one class each, registered under IFEval's ids.

Their arguments have IFEval's names. What differs from IFEval's own code on purpose stands in the reference on checkers. Common to all: an
answer without anything visible follows no instruction.
"""
