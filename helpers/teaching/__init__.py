"""What a notebook shows: checks, hints, quizzes, an exam, quotas, progress, drawings, prices, deployment packages.

``from helpers.teaching import check, hint, quiz, exam, show, progress, pricing, plots, package``
"""

from helpers.teaching import plots, pricing, show
from helpers.teaching.addresses import api_address, distribution_address, local_address, open_link, web_address
from helpers.teaching.checks import check, hint
from helpers.teaching.databases import private_database
from helpers.teaching.mock_exam import exam
from helpers.teaching.packages import libraries, package
from helpers.teaching.packaging import package_template
from helpers.teaching.progress_file import progress
from helpers.teaching.quizzes import quiz
from helpers.teaching.quota_file import cards, quota, quotas

__all__ = [
    "api_address",
    "cards",
    "check",
    "distribution_address",
    "exam",
    "hint",
    "libraries",
    "local_address",
    "open_link",
    "package",
    "package_template",
    "plots",
    "pricing",
    "private_database",
    "progress",
    "quiz",
    "quota",
    "quotas",
    "show",
    "web_address",
]
