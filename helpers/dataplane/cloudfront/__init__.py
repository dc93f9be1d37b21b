"""CloudFront: distributions answer at a local address, with a cache, private origins, edge functions and signed URLs.

AWS: the Amazon CloudFront Developer Guide. Here a distribution answers at ``{endpoint}/_aws/cloudfront/ID/path`` in
place of ``https://NAME.cloudfront.net/path``. moto keeps distributions, origin access controls, invalidations, keys
and functions.

Differs: there is one edge location and one cache; a change is live at once (the first answer says InProgress); plain
http stands for https, so that viewer protocol policies change nothing; no compression, no ranges, no access logs. An
object that is stale while its origin fails is not served. What is not built answers 501.
"""
