"""What the queue `ai` computes: delay risk, recommendations and insights.

Start with `delay_risk`, `recommendations` and `insights`: each takes loaded data and returns a JSON-able answer. The
first uses no language model; the other two let one order and word what rules and figures have already decided, and
fall back to templates when there is no key or the service is unreachable.
"""
