#!/usr/bin/env python3
"""Every operator, conditional, index, splat, `for`, template and conversion applied to every kind of value: 36,000 expressions.

    python3 testdata/expressions/generate.py FOLDER        writes them, a file a subject
    ci/expressions.sh FOLDER/*.jsonl                       asks terraform
    EXPRESSIONS=FOLDER cargo test -p lazuli-config --test differential

What is kept in this folder is a sample of them.
"""
import itertools
import json
import os
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
U='terraform_data.u.id'; D='terraform_data.d.output'
V=['null','true','1','1.5','"a"','""','"1"','"true"','[]','[1]','[1,"a"]','["a","b"]','{}','{a=1}','{a=1,b="x"}','{a="1"}','{b=true}',
'tolist([])','tolist(["a"])','tolist([1,2])','toset([])','toset(["a"])','toset([1,2])','tomap({})','tomap({a=1})','tomap({a="x",b="y"})',
'[null]','{a=null}','tolist([null])','[[1],["a"]]','[{a=1},{a="x"}]','[{a=1},{b=2}]','{a={b=1}}','{a=[1]}',
U,D,'"x-${%s}"'%U,'length(split("",%s))'%U,'(%s == "q")'%U,'[%s]'%U,'["a",%s]'%U,'{a=%s}'%U,'toset([%s,"a"])'%U,'tolist([%s,"b"])'%U,'tomap({a=%s})'%U,'split(",",%s)'%U,
'[%s]'%D,'{a=%s}'%D,'sensitive("s")','[sensitive("s")]','{a=sensitive("s")}','sensitive([1])','sensitive(null)','sensitive(%s)'%U,'tostring(null)','tonumber(null)','jsondecode("[1]")','tolist([{a=1},{a=2}])','tomap({x={a=1}})','toset([{a=1}])']
P='(%s == "z")'%U
out=[]
for a,b in itertools.product(V,V):
    out.append(('cond',f'true ? {a} : {b}'))
    out.append(('cond',f'{P} ? {a} : {b}'))
    out.append(('eq',f'{a} == {b}'))
    out.append(('list',f'tolist([{a}, {b}])'))
    out.append(('list',f'toset([{a}, {b}])'))
    out.append(('list',f'tomap({{x={a}, y={b}}})'))
    out.append(('index',f'({a})[{b}]'))
for a in V:
    for e in ['[for x in A : x]','{for k, v in A : k => v}','[for k, v in A : k]','[for x in A : x if x != "a"]','{for k, v in A : v => k...}','{for v in A : v => v}','[for i, x in A : "${i}-${x}"]','[for x in A : x if true]','{for k, v in A : k => v if v == 1}','[for x in A : 1 if terraform_data.u.id == "z"]','[for x in A : 1]','{for x in A : "k" => x}','{for k, x in A : k => 1}','{for k, x in A : "k" => 1...}',
      '(A)[*]','(A)[*].a','(A).*.a','(A).a','(A)["a"]','(A)[0]','(A)[1]','(A).0','(A).b','(A)[*].a.b','(A)[*]["a"]','(A).*','(A)[*][0]','(A)[-1]','(A)[0.5]','(A)["0"]','(A)[true]','(A).a.b','(A)[0].a','(A)[*][*]',
      '"${A}"','"x${A}"','"x${A}y${A}"','"%{if A}y%{else}n%{endif}"','"x%{if A}y%{endif}"','"%{for x in A}${x},%{endfor}"','"%{for k, x in A}${k},%{endfor}"','-A','!A','-(A)','!(A)','A ? 1 : 2','issensitive(A)','issensitive([A])','issensitive({a=A}.a)','issensitive("${A}")','issensitive([for x in A : x])','issensitive((A)[*])','issensitive(true ? A : A)','{(A) = 1}','{(A) = 1, x = 2}','[A, A]','{x = A}','{A = 1}','(A)','length(A)','try((A).a, "no")','can((A).a)','try((A)[0], 1)','coalesce(A, "z")','tostring(A)','tonumber(A)','tobool(A)','tolist(A)','toset(A)','tomap(A)','jsonencode(A)','A == null','A != null','null == A','[for x in [A] : x]','{for x in [A] : "k" => x}','[A][0]','{x=A}.x','{x=A}["x"]','[A][*]','[A].*','tolist([A])','toset([A])','tomap({x=A})','tolist([A])[0]','tomap({x=A}).x','tomap({x=A})["x"]','[for x in tolist([A]) : x]','concat([A],[1])','merge({x=A},{y=1})','flatten([[A]])','keys({x=A})','values({x=A})','contains([A], "a")','element([A], 0)','lookup({x=A}, "x", "d")']:
        out.append(('unary',e.replace('A',a) if 'A' in e else e))
S=['null','true','1','"a"','"1"','"true"','[1]','{}',U,D,'length(split("",%s))'%U,'(%s == "q")'%U,'sensitive(1)','sensitive(true)','tonumber(null)','-1','0','2.5','sensitive(%s)'%U, 'tobool(null)']
for a,b in itertools.product(S,S):
    for op in ['+','-','*','/','%','<','<=','>','>=','&&','||','!=']:
        out.append(('binary',f'({a}) {op} ({b})'))
seen=set(); files={}
for k,e in out:
    if e in seen: continue
    seen.add(e); files.setdefault(k,[]).append(e)
for k,es in files.items():
    with open(os.path.join(folder, f'{k}.jsonl'), 'w') as f:
        for e in es: f.write(json.dumps({"expr":e})+"\n")
    print(k,len(es))
