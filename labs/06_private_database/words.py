"""What the lab private_database says: three hints for each task, and why its answer works."""

HINTS = {
    "subnets": [
        """\
Two calls, one for each subnet. A subnet lies in one Availability Zone, and both must not lie in the same.""",
        """\
`ec2.create_subnet` takes `VpcId`, `CidrBlock` and `AvailabilityZone`. The first subnet must hold the address
10.20.1.10. A subnet without a route to an internet gateway is private: there is nothing else to do.""",
        """\
Write `ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]`
for `subnet_a`, and the same with `"10.20.2.0/24"` and `"us-east-1b"` for `subnet_b`.""",
    ],
    "groups": [
        """\
Make both groups first. Then the group of the database gets one inbound rule, and that rule names the other group.""",
        """\
`ec2.create_security_group` takes `GroupName`, `Description` and `VpcId`. A rule is added with
`ec2.authorize_security_group_ingress(GroupId=..., IpPermissions=[...])`; where a CIDR would stand in `IpRanges`, a
group stands in `UserIdGroupPairs`.""",
        """\
Add to `clinic-database` the rule `{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs":
[{"GroupId": functions_group}]}`. If there is a rule too many, take it away with
`ec2.revoke_security_group_ingress` and the same arguments.""",
    ],
    "connect": [
        """\
Lambda makes network interfaces with the rights of the role. Without them it refuses the `VpcConfig`.""",
        """\
Attach `arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole` to `clinic-role`. Then
`lambda_.update_function_configuration` takes a `VpcConfig` with `SubnetIds` and `SecurityGroupIds`.""",
        """\
`iam.attach_role_policy(RoleName="clinic-role", PolicyArn=...)`, then
`lambda_.update_function_configuration(FunctionName="clinic-records", VpcConfig={"SubnetIds": [subnet_a, subnet_b],
"SecurityGroupIds": [functions_group]})`, and wait with
`lambda_.get_waiter("function_updated_v2").wait(FunctionName="clinic-records")`.""",
    ],
    "secret": [
        """\
Two things stand between the function and its password: a right, and a way. The right is a policy, the way is an
interface endpoint.""",
        """\
The role needs `secretsmanager:GetSecretValue` on `clinic.secret_arn()`. The endpoint needs a security group that
lets `clinic-functions` in at port 443, private DNS, and host names switched on in the VPC
(`ec2.modify_vpc_attribute`).""",
        """\
`iam.put_role_policy` for the right. Then `ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})`
and `ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Interface",
ServiceName="com.amazonaws.us-east-1.secretsmanager", SubnetIds=[subnet_a, subnet_b], SecurityGroupIds=[door],
PrivateDnsEnabled=True)`, where `door` is a group whose rule allows tcp 443 from `functions_group`.""",
    ],
    "outsiders": [
        """\
What should differ between `clinic-records` and the newsletter? Not the network, only the group. And the website
is not in the VPC at all.""",
        """\
`clinic.deploy(name, {"app.py": clinic.KNOCK}, Environment=...)` creates a function; for the newsletter it also takes
a `VpcConfig` with the same subnets and a third security group.""",
        """\
Create the group `clinic-newsletter` in the VPC. Then `clinic.deploy("clinic-newsletter", {"app.py": clinic.KNOCK},
Environment=known, VpcConfig={"SubnetIds": [subnet_a, subnet_b], "SecurityGroupIds": [newsletter_group]})` and
`clinic.deploy("clinic-website", {"app.py": clinic.KNOCK}, Environment=known)`.""",
    ],
}

WHY = {
    "subnets": """\
**Why it works.** A new subnet has one route, `local`. Nothing comes in from outside, and nothing goes out. Two
zones keep the clinic open if one data centre fails.

**On AWS** it is the same; the four lowest addresses of a subnet and the highest are AWS's own.""",
    "groups": """\
**Why it works.** The rule asks for membership. Whoever gets the group `clinic-functions` may come in, whatever
its address is, and a stolen address is worth nothing.

**On AWS** it is the same, and RDS would make the database's network interface. Here the filter is a simulation
that reads these very rules.""",
    "connect": """\
**Why it works.** Lambda made one network interface in each subnet, with the group `clinic-functions`. The
function's connections begin there, so the database's rule fits.

**On AWS** it takes a minute or more until the interfaces are ready. Leave the policy on the role: Lambda needs it
again to take the interfaces away.""",
    "secret": """\
**Why it works.** The endpoint is a network interface in your subnets, and private DNS gives it the usual name
of Secrets Manager. The call never leaves the VPC. A NAT gateway would do, too, and would open the whole
internet.

**On AWS** an interface endpoint costs by the hour in each zone, and by the gigabyte. It can have a policy of
its own, which is not evaluated here.""",
    "outsiders": """\
**Why it works.** The newsletter stands in the same subnets and still gets no answer: its group is another. The
website is outside of the VPC, where 10.20.1.10 means nothing. A refusal that you have *seen* is worth more than
one that you believe in.

**On AWS** both would wait for their time-outs just so. What differs: here the database and the functions are
processes on your machine, and only the decision who may connect is AWS's.""",
}
