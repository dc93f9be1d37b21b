"""What a notebook shows: checks, hints, quizzes, progress, drawings and prices.

``from helpers.teaching import check, hint, quiz, show, progress, pricing, plots``
"""

from helpers.teaching import plots, pricing, show
from helpers.teaching.checks import check, hint
from helpers.teaching.progress_file import progress
from helpers.teaching.quizzes import quiz

__all__ = ["check", "hint", "plots", "pricing", "progress", "quiz", "show"]
