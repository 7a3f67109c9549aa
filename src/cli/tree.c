/* A JSON result as text for people. */
#include "cli/objects.h"

#define DEPTH_MAX 12

static const struct {
	const char *key, *zh, *en;
} labels[] = {
        {"file", "文件", "file"},
        {"version", "版本", "version"},
        {"serial", "序列号", "serial"},
        {"algorithm", "签名算法", "signature algorithm"},
        {"issuer", "颁发者", "issuer"},
        {"subject", "主体", "subject"},
        {"not_before", "生效时间", "not before"},
        {"not_after", "失效时间", "not after"},
        {"key", "公钥", "public key"},
        {"kind", "类型", "kind"},
        {"bits", "位数", "bits"},
        {"sm3", "SM3 摘要", "SM3"},
        {"sha256", "SHA-256 摘要", "SHA-256"},
        {"ca", "是否 CA", "CA"},
        {"path_length", "路径长度", "path length"},
        {"key_usage", "密钥用法", "key usage"},
        {"purposes", "扩展密钥用法", "extended key usage"},
        {"names", "主体别名", "subject alternative names"},
        {"policies", "证书策略", "policies"},
        {"crl", "撤销列表地址", "CRL distribution point"},
        {"ocsp", "OCSP 地址", "OCSP"},
        {"ca_issuers", "颁发者证书地址", "CA issuers"},
        {"ski", "主体密钥标识", "subject key identifier"},
        {"aki", "颁发者密钥标识", "authority key identifier"},
        {"findings", "检查发现", "findings"},
        {"critical", "关键扩展", "critical extensions"},
        {"extensions", "其他扩展", "other extensions"},
        {"profile", "证书模板", "profile"},
        {"title", "名称", "title"},
        {"class", "服务类别", "service class"},
        {"evidence", "须提交的证明材料", "evidence asked for"},
        {"validity_days", "有效期（天）", "validity in days"},
        {"key_life_days", "密钥累计使用期限（天）", "life of a key in days, extensions included"},
        {"sign", "签名证书", "signing certificate"},
        {"encrypt", "加密证书", "encryption certificate"},
        {"single", "证书", "certificate"},
        {"proof", "私钥持有证明的 SM2 标识", "SM2 id of the proof"},
        {"this_update", "本次更新", "this update"},
        {"next_update", "下次更新", "next update"},
        {"number", "编号", "number"},
        {"entries", "条目数", "entries"},
        {"revoked", "已撤销", "revoked"},
        {"revoked_at", "撤销时间", "revoked at"},
        {"reason", "原因", "reason"},
        {"status", "状态", "status"},
        {"produced_at", "签发时间", "produced at"},
        {"responder", "响应者", "responder"},
        {"nonce", "随机数", "nonce"},
        {"responses", "应答", "responses"},
        {"hash", "摘要算法", "hash"},
        {"path", "证书路径", "path"},
        {"verified", "验证通过", "verified"},
        {"issued", "签发时间", "issued"},
        {"organisation", "机构", "organisation"},
        {"signer", "签名者", "signer"},
        {"person", "人员", "person"},
        {"certificate", "证书摘要", "certificate"},
        {"role", "角色", "role"},
        {"previous", "上一版本", "previous edition"},
        {"result", "结果", "result"},
};

static const char *label(const struct cli *c, const char *key)
{
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (strcmp(labels[i].key, key) == 0)
			return c->english ? labels[i].en : labels[i].zh;
	}
	return key;
}

static void put_scalar(struct cli *c, const json_t *v)
{
	if (json_is_string(v))
		(void)fputs(json_string_value(v), c->out);
	else if (json_is_integer(v))
		(void)fprintf(c->out, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		(void)fputs(json_is_true(v) ? (c->english ? "yes" : "是") : (c->english ? "no" : "否"),
		            c->out);
}

static void put_list(struct cli *c, const json_t *list, unsigned depth)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (json_is_object(one)) {
			(void)fprintf(c->out, "\n%*s-", (int)(2 * depth), "");
			tree_print(c, one, depth + 1);
			continue;
		}
		(void)fputs(i > 0 ? ", " : " ", c->out);
		put_scalar(c, one);
	}
}

void tree_print(struct cli *c, const json_t *v, unsigned depth)
{
	const char *key;
	json_t *one;

	if (depth > DEPTH_MAX)
		return;
	/* jansson iterates over what it promises not to change */
	json_object_foreach((json_t *)(uintptr_t)v, key, one)
	{
		(void)fprintf(c->out, "\n%*s%s:", (int)(2 * depth), "", label(c, key));
		if (json_is_array(one)) {
			put_list(c, one, depth + 1);
		} else if (json_is_object(one)) {
			tree_print(c, one, depth + 1);
		} else {
			(void)fputc(' ', c->out);
			put_scalar(c, one);
		}
	}
	if (depth == 0)
		(void)fputc('\n', c->out);
}
