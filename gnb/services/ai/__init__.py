"""What the queue `ai` does: delay risk, recommendations, insights.

Read `delay_risk`, `recommendations` and `insights` first: each takes loaded data and gives a JSON-able answer. The
first needs no language model at all; the other two let one order and word what rules and figures have already decided,
through `client`, and do without when there is no key or the service is away.
"""
